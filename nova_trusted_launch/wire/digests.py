# SPDX-License-Identifier: Apache-2.0
"""Hash algorithms, PCR selections and PCR banks.

SHA-1 is not here, so nothing downstream can ask for it.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError

PCR_COUNT = 24


class HashAlg(enum.Enum):
    """A PCR bank's or signature's hash; the value is its TPM_ALG_ID."""

    SHA256 = 0x000B
    SHA384 = 0x000C
    SHA512 = 0x000D

    def __init__(self, tpm_id: int) -> None:
        # Plain attributes, and no properties: every quote asks for them.
        # As value.
        self.tpm_id = tpm_id
        # The name used on the wire, such as ``sha256``.
        self.label = self.name.lower()
        # Makes hashlib's object of some bytes.
        self.hash: Callable[[bytes], Any] = getattr(hashlib, self.label)
        # The length of a digest in bytes.
        self.size: int = self.hash(b"").digest_size

    # Enum's own is a function in Python; members are there once.
    __hash__ = object.__hash__

    def digest(self, data: bytes) -> bytes:
        """Hash ``data``."""
        digest: bytes = self.hash(data).digest()
        return digest

    @classmethod
    def from_label(cls, label: Any) -> HashAlg:
        """Look an algorithm up by its wire name.

        :raises WireError: unknown, or one we never accept.
        """
        for alg in cls:
            if alg.label == label:
                return alg
        raise WireError(f"unknown or unacceptable hash {label!r}")


@dataclass(frozen=True, slots=True)
class PcrSelection:
    """Registers of one bank; never empty."""

    alg: HashAlg
    registers: frozenset[int]

    def __post_init__(self) -> None:
        if not self.registers:
            raise WireError("a PCR selection needs a register")
        if not all(type(i) is int and 0 <= i < PCR_COUNT
                   for i in self.registers):
            raise WireError(f"PCR numbers are 0..{PCR_COUNT - 1}")

    def to_dict(self) -> dict[str, list[int]]:
        """Return ``{"sha256": [0, 1, ...]}``."""
        return {self.alg.label: sorted(self.registers)}

    @classmethod
    def from_dict(cls, value: Any) -> PcrSelection:
        """Read what :meth:`to_dict` writes.

        :raises WireError: not one bank with a list of distinct registers.
        """
        label, registers = _one_bank(value, "selection")
        if not isinstance(registers, list) or not all(
                type(i) is int for i in registers):
            raise WireError("selection: registers are a list of numbers")
        if len(set(registers)) != len(registers):
            raise WireError("selection: a register stands twice")
        return cls(HashAlg.from_label(label), frozenset(registers))


@dataclass(frozen=True, slots=True)
class PcrBank:
    """Values of some registers of one bank, ascending; never empty."""

    alg: HashAlg
    values: Mapping[int, bytes]

    def __post_init__(self) -> None:
        PcrSelection(self.alg, frozenset(self.values))
        object.__setattr__(self, "values", dict(sorted(self.values.items())))
        if any(len(v) != self.alg.size for v in self.values.values()):
            raise WireError(
                f"a {self.alg.label} PCR has {self.alg.size} bytes")

    @property
    def selection(self) -> PcrSelection:
        """The registers that have a value here."""
        return PcrSelection(self.alg, frozenset(self.values))

    def concatenated(self) -> bytes:
        """All values in ascending register order (TPM's order)."""
        return b"".join(self.values.values())

    def only(self, registers: Iterable[int]) -> PcrBank:
        """Keep these registers.

        :raises KeyError: one of them has no value here.
        """
        return PcrBank(self.alg, {i: self.values[i] for i in registers})

    def to_dict(self) -> dict[str, dict[str, str]]:
        """Return ``{"sha256": {"0": hex, ...}}``."""
        return {self.alg.label: {
            str(i): value.hex() for i, value in self.values.items()}}

    @classmethod
    def from_dict(cls, value: Any) -> PcrBank:
        """Read what :meth:`to_dict` writes.

        :raises WireError: not one bank of hex values.
        """
        label, registers = _one_bank(value, "pcrs")
        if not isinstance(registers, dict):
            raise WireError("pcrs: a bank is an object of hex values")
        return cls(HashAlg.from_label(label), {
            _register(name): encoding.unhex(digest, f"PCR {name}")
            for name, digest in registers.items()})


def _one_bank(value: Any, what: str) -> tuple[str, Any]:
    if not isinstance(value, dict) or len(value) != 1:
        raise WireError(f"{what}: exactly one bank is expected")
    return next(iter(value.items()))


def _register(name: str) -> int:
    # "07" and "+7" would be two names for one register.
    if not name.isascii() or not name.isdigit() or str(int(name)) != name:
        raise WireError(f"pcrs: {name!r} is not a register number")
    return int(name)
