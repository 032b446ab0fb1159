# SPDX-License-Identifier: Apache-2.0
"""Say of each proven IMA entry whether somebody vouches for the file.

In: :class:`ReplayedIma` and what an operator knows: reference values,
excluded paths, keys.  Out: a :class:`Tally`; a bad file is not an exception.

Not decided here: what a bad entry means for the host (``core.policy``).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import log, templates
from attestation_service.core.memo import Memo
from attestation_service.core.ima.replay import ImaPosition, ReplayedIma
from attestation_service.core.ima.signatures import KeyRing
from attestation_service.core.ima.templates import FileFacts
from nova_trusted_launch.wire.digests import HashAlg

BOOT_AGGREGATE = b"boot_aggregate"
MEMO_ENTRIES = 2 ** 16
# Bad entries that are described; the others are counted.
DESCRIBED = 64
# What follows a path in an ima-sig entry without a signature: this, and the
# path's own NUL.
_UNSIGNED = b"\0\0\0\0"


class Verdict(enum.Enum):
    """What is wrong with one entry."""

    UNKNOWN = "unknown"
    VIOLATION = "violation"
    BOOT_AGGREGATE = "boot-aggregate"
    UNREADABLE = "unreadable"


# The algorithm and digest of a file, and its path.
File = tuple[str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class FileReferences:
    """Reference values for files: a digest at a path, or at any path.

    Kept as what the kernel extends for such files: an entry is found by what
    was just replayed, without a look into it.  ``files`` are gone through
    once more for another bank, or to explain; no path is any path.
    """

    files: Iterable[File]
    _extended: dict[HashAlg, Mapping[bytes, None]] = field(
        default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        # The usual bank, before the first host comes.
        self.extended(HashAlg.SHA256)

    def extended(self, alg: HashAlg) -> Mapping[bytes, None]:
        """Return the template digests of all files in a bank.

        As keys, for a dict lies denser in memory than a set.
        """
        found = self._extended.get(alg)
        if found is None:
            found = self._extended[alg] = dict.fromkeys(
                alg.digest(data + end) for data in self._data()
                for end in (b"", _UNSIGNED))
        return found

    def _data(self) -> Iterator[bytes]:
        # The boot aggregate of another boot is no reference value for this
        # one.
        return (templates.template_data(*file) for file in self.files
                if file[2] != BOOT_AGGREGATE)

    def hold(self, file: File, alg: HashAlg) -> bool:
        """Tell whether a file is known, asked in a bank."""
        return alg.digest(templates.template_data(*file)) in (
            self.extended(alg))

    def expected(self, paths: Iterable[bytes]) -> dict[bytes, list[bytes]]:
        """Find the digests known for some paths, in one pass."""
        found: dict[bytes, list[bytes]] = {path: [] for path in paths}
        if found:
            for _algorithm, digest, path in self.files:
                if path in found:
                    found[path].append(digest)
        return found


@dataclass(frozen=True, slots=True)
class BadEntry:
    """An entry nobody vouches for."""

    number: int
    verdict: Verdict
    path: bytes
    digest: bytes

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"number": self.number, "verdict": self.verdict.value,
                "path": self.path.hex(), "digest": self.digest.hex()}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> BadEntry:
        """Read what :meth:`to_dict` wrote."""
        return cls(value["number"], Verdict(value["verdict"]),
                   bytes.fromhex(value["path"]),
                   bytes.fromhex(value["digest"]))


@dataclass(frozen=True, slots=True)
class Tally:
    """What was found in a list from its beginning to ``position``."""

    position: ImaPosition
    # How many entries nobody vouches for.
    bad_count: int
    # The first of them.
    bad: tuple[BadEntry, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"position": self.position.to_dict(),
                "bad_count": self.bad_count,
                "bad": [entry.to_dict() for entry in self.bad]}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Tally:
        """Read what :meth:`to_dict` wrote."""
        return cls(ImaPosition.from_dict(value["position"]),
                   value["bad_count"],
                   tuple(map(BadEntry.from_dict, value["bad"])))


@dataclass(frozen=True, slots=True)
class Appraiser:
    """Judge entries by one set of knowledge.

    That an entry is good depends on its bytes and this knowledge only, so
    all hosts share ``memo``; other knowledge needs another appraiser, with
    another ``key``.
    """

    key: str
    references: FileReferences
    # A path that matches is not judged at all.
    excluded: re.Pattern[bytes] | None = None
    keys: KeyRing | None = None
    memo: Memo[bool] = field(
        default_factory=lambda: Memo(MEMO_ENTRIES), compare=False, repr=False)

    def tally(self, ima: ReplayedIma, boot_aggregate: bytes | None,
              earlier: Tally | None = None) -> Tally | None:
        """Judge the proven entries and add them to ``earlier``.

        ``boot_aggregate`` is what the entry of that name must hold.  None is
        returned when ``ima`` does not begin where ``earlier`` ended: then
        nobody knows about the entries between.
        """
        number, count, bad = ima.start.entries, 0, list[BadEntry]()
        if number:
            if earlier is None or earlier.position != ima.start:
                return None
            count, bad = earlier.bad_count, list(earlier.bad)
        for chunk in ima.chunks():
            for index in self._doubtful(chunk.digests, ima.alg):
                entry = self._judge(ima, number + index, boot_aggregate,
                                    chunk.entries[index],
                                    chunk.digests[index])
                if entry is None:
                    continue
                count += 1
                if len(bad) < DESCRIBED:
                    bad.append(entry)
            number += len(chunk.entries)
        return Tally(ima.end, count, tuple(bad))

    def _doubtful(self, digests: list[bytes], alg: HashAlg) -> list[int]:
        """Return which entries need a closer look."""
        values, known = self.references.extended(alg), self.memo.recent
        return [index for index, digest in enumerate(digests)
                if digest not in values and digest not in known]

    def _judge(self, ima: ReplayedIma, number: int,
               boot_aggregate: bytes | None, raw: bytes,
               template_digest: bytes) -> BadEntry | None:
        """Look at one entry; None: there is nothing to say against it."""
        try:
            entry = ima.entry(raw)
            if entry.register != log.REGISTER:
                # Nothing is proven of it.
                return None
            facts = log.file_facts(entry)
        except MalformedEvidence:
            return BadEntry(number, Verdict.UNREADABLE, b"", b"")
        if entry.violation:
            # The rest of the entry was not extended: it is only claimed.
            verdict = Verdict.VIOLATION
        elif facts.path == BOOT_AGGREGATE:
            # Right on one host, wrong on another: never remembered.
            if facts.digest == boot_aggregate:
                return None
            verdict = Verdict.BOOT_AGGREGATE
        elif self.memo.recall(template_digest) or self._vouched_for(
                facts, ima.alg):
            self.memo.keep(template_digest, True)
            return None
        else:
            verdict = Verdict.UNKNOWN
        return BadEntry(number, verdict, facts.path, facts.digest)

    def _vouched_for(self, facts: FileFacts, alg: HashAlg) -> bool:
        kind, digest = facts.algorithm, facts.digest
        return (
            self.references.hold((kind, digest, facts.path), alg)
            or self.references.hold((kind, digest, b""), alg)
            or (self.excluded is not None
                and self.excluded.fullmatch(facts.path) is not None)
            or (self.keys is not None
                and self.keys.signer(facts) is not None))
