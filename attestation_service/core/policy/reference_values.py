# SPDX-License-Identifier: Apache-2.0
"""Reference values: known good digests with the names they may stand for.

In: a set as the store keeps it (hex to names).  Out: a
:class:`ReferenceValues` that answers whether a digest is known; never empty.

Not decided here: which sets a profile trusts (``document``).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from attestation_service.core import errors
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.digests import HashAlg

#: Digests of files, as IMA measures them.
IMA = "ima"
#: Any other digest: registers, boot components.
DIGEST = "digest"
KINDS = frozenset({IMA, DIGEST})

MAX_NAME = 4096
_SIZES = frozenset(alg.size for alg in HashAlg)


@dataclass(frozen=True, slots=True)
class ReferenceValues:
    """A named set; an empty tuple of names means any name."""

    name: str
    kind: str
    values: Mapping[bytes, tuple[str, ...]]
    expires_at: datetime.datetime | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise errors.Invalid(
                f"reference values {self.name!r}: kind {self.kind!r} is not "
                f"one of {', '.join(sorted(KINDS))}")
        if not self.values:
            raise errors.Invalid(
                f"reference values {self.name!r}: an empty set could never "
                "match")

    @classmethod
    def parse(cls, name: str, kind: str,
              values: object,
              expires_at: datetime.datetime | None = None) -> ReferenceValues:
        """Read ``{hex: [name, ...]}``.

        :raises Invalid: a digest that is none (or SHA-1), a name that is not
            a string, or nothing at all.
        """
        if not isinstance(values, Mapping):
            raise errors.Invalid("values: an object {digest: [names]}")
        return cls(name, kind, {
            _digest(text): _names(text, names)
            for text, names in values.items()}, expires_at)

    def to_values(self) -> dict[str, list[str]]:
        """Return the object that :meth:`parse` read."""
        return {digest.hex(): list(names)
                for digest, names in self.values.items()}

    def holds(self, digest: bytes, name: str) -> bool:
        """Tell whether this digest is known to stand for that name."""
        names = self.values.get(digest)
        return names is not None and (not names or name in names)


def _digest(text: object) -> bytes:
    try:
        digest = encoding.unhex(text, "values")
    except encoding.WireError as exc:
        raise errors.Invalid(
            f"values: {text!r} is not lower-case hex") from exc
    if len(digest) not in _SIZES:
        raise errors.Invalid(
            f"values: {text!r} is not a SHA-256, SHA-384 or SHA-512 digest")
    return digest


def _names(digest: object, names: object) -> tuple[str, ...]:
    if (not isinstance(names, list | tuple)
            or not all(isinstance(n, str) and 0 < len(n) <= MAX_NAME
                       for n in names)):
        raise errors.Invalid(
            f"values/{digest}: a list of names is expected")
    return tuple(names)
