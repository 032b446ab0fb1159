# SPDX-License-Identifier: Apache-2.0
"""Say of each proven IMA entry whether somebody vouches for the file.

In: :class:`ReplayedIma` and what an operator knows: reference values,
excluded paths, keys.  Out: a :class:`Tally`; a bad file is not an exception.

Not decided here: what a bad entry means for the host (``core.policy``).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import log, templates
from attestation_service.core.ima.extended import Chunk
from attestation_service.core.memo import Memo
from attestation_service.core.ima.replay import ImaPosition, ReplayedIma
from attestation_service.core.ima.signatures import KeyRing
from attestation_service.core.ima.templates import FileFacts

BOOT_AGGREGATE = b"boot_aggregate"
MEMO_ENTRIES = 2 ** 16
# Bad entries that are described; the others are counted.
DESCRIBED = 64
_SHA256_SIZE = 32
# What follows a path in an ima-sig entry without a signature: this, and the
# path's own NUL.
_UNSIGNED = b"\0\0\0\0"


class Verdict(enum.Enum):
    """What is known of one entry."""

    GOOD = "good"
    UNKNOWN = "unknown"
    VIOLATION = "violation"
    BOOT_AGGREGATE = "boot-aggregate"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class FileReferences:
    """Reference values for files: a digest at a path, or at any path.

    Kept as the template data that the kernel makes of them: one string for
    each value, found without parsing an entry.
    """

    values: frozenset[bytes]

    @classmethod
    def of(cls, files: Iterable[tuple[str, bytes, bytes]]) -> FileReferences:
        """Make a set of (algorithm, digest, path); no path is any path.

        The boot aggregate of another boot is no reference value for this
        one, and left out.
        """
        return cls(frozenset(
            templates.template_data(*file) for file in files
            if file[2] != BOOT_AGGREGATE))

    def expected(self, paths: Iterable[bytes]) -> dict[bytes, list[bytes]]:
        """Find the digests known for some paths, in one pass."""
        found: dict[bytes, list[bytes]] = {path: [] for path in paths}
        if not found:
            return found
        start = len(templates.SHA256_FIELD) + _SHA256_SIZE
        tails = {templates.template_data("sha256", bytes(_SHA256_SIZE), path)[
            start:]: path for path in found}
        for value in self.values:
            if value.startswith(templates.SHA256_FIELD):
                path, digest = tails.get(value[start:]), value[
                    len(templates.SHA256_FIELD):start]
            else:
                facts = templates.file_facts("ima-ng", value, "little")
                path, digest = facts.path, facts.digest
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
            for index in self._doubtful(chunk):
                entry = self._judge(ima, number + index, boot_aggregate,
                                    chunk.entries[index],
                                    chunk.digests[index])
                if entry.verdict is Verdict.GOOD:
                    continue
                count += 1
                if len(bad) < DESCRIBED:
                    bad.append(entry)
            number += len(chunk.entries)
        return Tally(ima.end, count, tuple(bad))

    def _doubtful(self, chunk: Chunk) -> list[int]:
        """Return which entries need a closer look."""
        known, values = self.memo.recent, self.references.values
        good = []
        doubtful = [index for index, digest in enumerate(chunk.digests)
                    if digest not in known]
        if not doubtful or chunk.data is None:
            return doubtful
        left = []
        for index in doubtful:
            data = chunk.data[index]
            if data in values or data.removesuffix(_UNSIGNED) in values:
                good.append(chunk.digests[index])
            else:
                left.append(index)
        self.memo.keep_all(dict.fromkeys(good, True))
        return left

    def _judge(self, ima: ReplayedIma, number: int,
               boot_aggregate: bytes | None, raw: bytes,
               template_digest: bytes) -> BadEntry:
        try:
            entry = ima.entry(raw)
            if entry.register != log.REGISTER:
                # Nothing is proven of it.
                return BadEntry(number, Verdict.GOOD, b"", b"")
            facts = log.file_facts(entry)
        except MalformedEvidence:
            return BadEntry(number, Verdict.UNREADABLE, b"", b"")
        if entry.violation:
            # The rest of the entry was not extended: it is only claimed.
            verdict = Verdict.VIOLATION
        elif facts.path == BOOT_AGGREGATE:
            # Right on one host, wrong on another: never remembered.
            verdict = Verdict.BOOT_AGGREGATE
            if facts.digest == boot_aggregate:
                verdict = Verdict.GOOD
        elif self.memo.recall(template_digest) or self._vouched_for(facts):
            verdict = Verdict.GOOD
            self.memo.keep(template_digest, True)
        else:
            verdict = Verdict.UNKNOWN
        return BadEntry(number, verdict, facts.path, facts.digest)

    def _vouched_for(self, facts: FileFacts) -> bool:
        known, kind, digest = (
            self.references.values, facts.algorithm, facts.digest)
        return (
            templates.template_data(kind, digest, facts.path) in known
            or templates.template_data(kind, digest, b"") in known
            or (self.excluded is not None
                and self.excluded.fullmatch(facts.path) is not None)
            or (self.keys is not None
                and self.keys.signer(facts) is not None))
