# SPDX-License-Identifier: Apache-2.0
"""The rule about files: every one that IMA measured is vouched for.

In: facts of a host.  Out: findings, as ``rule`` says.  A host without a
measurement list is unknown.

Not decided here: what is known of one entry (``core.ima.appraise``), and
which rules a document may name (``document``).
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from attestation_service.core import errors
from attestation_service.core.facts import HostFacts
from attestation_service.core.ima.appraise import (
    Appraiser,
    BadEntry,
    File,
    FileReferences,
    Tally,
    Verdict,
)
from attestation_service.core.ima.signatures import KeyRing, PublicKey
from attestation_service.core.policy import reference_values as refs
from attestation_service.core.policy.node import Node
from attestation_service.core.policy.rule import Rule, one_of, shown
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.digests import HashAlg
from nova_trusted_launch.wire.results import Finding, TrustClaim, TrustTier

MAX_PEM = 4096
# So many bad entries have a finding each; the rest is one finding.
_SHOWN = 16
_LABELS = {alg.size: alg.label for alg in HashAlg}

_CLAIM = TrustClaim.EXECUTABLES
_SAID = {
    Verdict.UNKNOWN: (
        "nobody vouches for the file",
        "If it was updated, add its digest to the reference values; "
        "otherwise find out who changed it, and reboot the host."),
    Verdict.VIOLATION: (
        "the file was written while it was in use, so it was not measured "
        "(the name is only claimed)",
        "Find out who wrote it; exclude the path in the host's IMA policy if "
        "that is normal; reboot the host."),
    Verdict.BOOT_AGGREGATE: (
        "the list belongs to another boot: its boot aggregate is not that of "
        "the quoted registers",
        "See that registers 0 to 9 are quoted and that nothing extends them "
        "after the kernel has started."),
    Verdict.UNREADABLE: (
        "the entry is of a form that cannot be read",
        "Use one of the templates ima-ng, ima-sig, ima-ngv2, ima-sigv2."),
}

# What is expected when no digest is.
_EXPECTED = {
    Verdict.UNKNOWN: "a digest or signature that the profile accepts; for "
                     "this path it has none",
    Verdict.VIOLATION: "a file that nobody writes while it is used",
    Verdict.BOOT_AGGREGATE: "the hash of registers 0 to 9, all quoted",
    Verdict.UNREADABLE: "an entry that can be read",
}


@dataclass(frozen=True, slots=True)
class FilesAreKnown:
    """Everything IMA measured has a reference value, or is signed.

    ``{"ima": {"reference_values": [set name, ...], "values": {hex: [path,
    ...]}, "excludes": [glob, ...], "keys": [PEM, ...], "violations":
    "refuse"}}``; at least one of sets, values and keys.  Paths that match one
    of ``excludes`` (``*`` is any text) are not judged.  ``violations`` may be
    ``warn``.
    """

    sets: tuple[refs.ReferenceValues, ...]
    # Those that stand in the document itself.
    own: refs.ReferenceValues | None
    excludes: tuple[str, ...]
    keys: tuple[str, ...]
    warn: bool
    appraiser: Appraiser

    @classmethod
    def parse(cls, node: Node) -> FilesAreKnown:
        """Read the rule; ``Invalid`` says where it is wrong."""
        found = node.fields(optional=(
            "reference_values", "values", "excludes", "keys", "violations"))
        if not found.keys() & {"reference_values", "values", "keys"}:
            raise node.refuse(
                "'reference_values', 'values' or 'keys' is missing")
        sets = (found["reference_values"].reference_values(refs.IMA)
                if "reference_values" in found else ())
        own = _own(found["values"]) if "values" in found else None
        excludes = found["excludes"].texts() if "excludes" in found else ()
        keys = ([_key(item) for item in found["keys"].items()]
                if "keys" in found else [])
        violations = (found["violations"].text() if "violations" in found
                      else "refuse")
        if violations not in ("refuse", "warn"):
            raise found["violations"].refuse("refuse or warn is expected")
        texts = tuple(text for text, _key in keys)
        known = FileReferences(_Files((*sets, own) if own else sets))
        return cls(sets, own, excludes, texts, violations == "warn",
                   Appraiser(_name(known, excludes, texts), known,
                             _globs(excludes),
                             KeyRing.of(key for _text, key in keys)))

    @property
    def registers(self) -> frozenset[int]:
        """IMA's own register, and those of its boot aggregate."""
        return frozenset(range(11))

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Judge all entries from the beginning of the list."""
        if facts.ima is None:
            yield Finding(
                "ima", _CLAIM, TrustTier.NONE,
                "the host sent no IMA measurement list", "IMA list",
                "a list", "none", "Boot with ima_policy=tcb, and let the "
                "agent read /sys/kernel/security/ima.")
            return
        tally = facts.ima.tally(self.appraiser)
        if tally is None:
            yield Finding(
                "ima", _CLAIM, TrustTier.NONE,
                "the beginning of the list was not judged by this rule",
                "IMA list", "the list from its beginning", "a part of it",
                "Wait until the host sends its whole list again, or restart "
                "its agent.")
        elif tally.bad_count == 0:
            yield Finding(
                "ima", _CLAIM, TrustTier.AFFIRMING,
                f"all {tally.position.entries} entries are vouched for",
                "IMA list")
        else:
            yield from self._bad(tally, facts.ima.boot_aggregate)

    def _bad(self, tally: Tally,
             boot_aggregate: bytes | None) -> Iterator[Finding]:
        shown = tally.bad[:_SHOWN]
        expected = self.appraiser.references.expected(
            entry.path for entry in shown
            if entry.verdict is Verdict.UNKNOWN)
        for entry in shown:
            known = expected.get(entry.path, [])
            if entry.verdict is Verdict.BOOT_AGGREGATE and boot_aggregate:
                known = [boot_aggregate]
            yield self._entry(entry, known)
        more = tally.bad_count - len(shown)
        if more:
            # Whether they are violations only is not known of all of them.
            yield Finding(
                "ima", _CLAIM, TrustTier.CONTRAINDICATED,
                f"{more} more entries are not vouched for", "IMA list",
                "every entry vouched for", f"{more} more that are not",
                "See the entries named first.")

    def _entry(self, entry: BadEntry, expected: list[bytes]) -> Finding:
        detail, action = _SAID[entry.verdict]
        tolerated = self.warn and entry.verdict is Verdict.VIOLATION
        path = shown(entry.path.decode("utf-8", "backslashreplace"))
        return Finding(
            "ima", _CLAIM,
            TrustTier.WARNING if tolerated else TrustTier.CONTRAINDICATED,
            detail, f"entry {entry.number + 1}: {path}",
            one_of(digest.hex() for digest in expected)
            or _EXPECTED[entry.verdict],
            entry.digest.hex() or "nothing that can be read", action)

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        body: dict[str, Any] = {
            "reference_values": [s.name for s in self.sets],
            "values": self.own.to_values() if self.own else {},
            "excludes": list(self.excludes), "keys": list(self.keys)}
        body = {name: value for name, value in body.items() if value}
        if self.warn:
            body["violations"] = "warn"
        return {"ima": body}


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of some sets, as often as they are asked for."""

    sets: tuple[refs.ReferenceValues, ...]

    def __iter__(self) -> Iterator[File]:
        return ((_LABELS[len(digest)], digest, name.encode("utf-8"))
                for known in self.sets
                for digest, names in known.values.items()
                for name in names or ("",))


def _own(node: Node) -> refs.ReferenceValues:
    try:
        return refs.ReferenceValues.parse("(profile)", refs.IMA, node.value)
    except errors.Invalid as exc:
        raise node.refuse(str(exc)) from exc


def _globs(patterns: Iterable[str]) -> re.Pattern[bytes] | None:
    # What fnmatch makes of a pattern does not backtrack.
    found = [fnmatch.translate(pattern) for pattern in patterns]
    return re.compile("|".join(found).encode("utf-8")) if found else None


def _key(node: Node) -> tuple[str, PublicKey]:
    text = node.value
    if not isinstance(text, str) or len(text) > MAX_PEM:
        raise node.refuse("a public key in PEM is expected")
    try:
        key = load_pem_public_key(text.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise node.refuse("a public key in PEM is expected") from exc
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise node.refuse("an RSA or elliptic curve key is expected")
    return text, key


def _name(known: FileReferences, excludes: Iterable[str],
          keys: Iterable[str]) -> str:
    """Name what the appraiser knows by its contents.

    A set may be deleted, and another made under its name.
    """
    name = hashlib.sha256(encoding.canonical([
        sorted(excludes), sorted(keys)]))
    for value in sorted(known.extended(HashAlg.SHA256)):
        name.update(value)
    return name.hexdigest()


#: The name of this rule in a document.
RULES: Mapping[str, Callable[[Node], Rule]] = {"ima": FilesAreKnown.parse}
