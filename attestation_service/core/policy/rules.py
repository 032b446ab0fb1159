# SPDX-License-Identifier: Apache-2.0
"""The plain rules: registers, the TPM itself, and labels.

In: facts of a host.  Out: findings, as ``rule`` says.

Not decided here: boot and file rules (``boot_rules``, ``ima_rules``), and
which rules a document may name (``document``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.core.facts import HostFacts
from attestation_service.core.policy import reference_values as refs
from attestation_service.core.policy.node import Node
from attestation_service.core.policy.rule import Rule, listed, one_of
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.digests import PCR_COUNT, HashAlg
from nova_trusted_launch.wire.results import Finding, TrustClaim, TrustTier

# Registers of settings rather than code ("PC Client Platform Firmware
# Profile", PCR usage); the rest is code.
_CONFIGURATION = frozenset({1, 3, 5, 7, 14})


@dataclass(frozen=True, slots=True)
class PcrIsOneOf:
    """The register holds one of the reference values.

    ``{"pcr": {"bank": "sha256", "index": 7, "values": [hex, ...],
    "reference_values": [set name, ...]}}``; at least one of the two lists.
    """

    alg: HashAlg
    index: int
    values: tuple[bytes, ...]
    sets: tuple[refs.ReferenceValues, ...] = ()

    def __post_init__(self) -> None:
        if not self.values and not self.sets:
            raise ValueError(f"PCR {self.index}: no reference value to match")

    @classmethod
    def parse(cls, node: Node) -> PcrIsOneOf:
        """Read the rule; ``Invalid`` says where it is wrong."""
        found = node.fields("bank", "index",
                            optional=("values", "reference_values"))
        try:
            alg = HashAlg.from_label(found["bank"].value)
        except encoding.WireError as exc:
            raise found["bank"].refuse(
                "sha256, sha384 or sha512 is expected") from exc
        if len(found) == 2:
            raise node.refuse("'values' or 'reference_values' is missing")
        return cls(
            alg, found["index"].number(least=0, most=PCR_COUNT - 1),
            found["values"].digests(alg.size) if "values" in found else (),
            found["reference_values"].reference_values(refs.DIGEST)
            if "reference_values" in found else ())

    @property
    def registers(self) -> frozenset[int]:
        """The PCRs that must be quoted for it to be answered."""
        return frozenset({self.index})

    @property
    def _subject(self) -> str:
        return f"{self.alg.label}:{self.index}"

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Compare the quoted value with each reference value."""
        value = (facts.pcrs.values.get(self.index)
                 if facts.pcrs.alg is self.alg else None)
        claim = (TrustClaim.CONFIGURATION if self.index in _CONFIGURATION
                 else TrustClaim.EXECUTABLES)
        if value is None:
            yield Finding(
                "pcr", claim, TrustTier.NONE,
                f"PCR {self.index} of bank {self.alg.label} was not quoted",
                self._subject, self._expected(), "not quoted",
                "Let the profile name registers of the bank that the service "
                f"asks for ({facts.pcrs.alg.label}).")
        elif self._known(value):
            yield Finding(
                "pcr", claim, TrustTier.AFFIRMING,
                f"PCR {self.index} has a reference value", self._subject,
                self._expected(), value.hex())
        else:
            yield Finding(
                "pcr", claim, TrustTier.CONTRAINDICATED,
                f"PCR {self.index} has none of the reference values",
                self._subject, self._expected(), value.hex(),
                "If the change was planned, add the value to a new version "
                "of the profile; otherwise find out what was started.")

    def _known(self, value: bytes) -> bool:
        return value in self.values or any(
            known.holds(value, self._subject) for known in self.sets)

    def _expected(self) -> str:
        return one_of([v.hex() for v in self.values]
                       + [f"any of {s.name!r}" for s in self.sets])

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        body: dict[str, Any] = {"bank": self.alg.label, "index": self.index}
        if self.values:
            body["values"] = [v.hex() for v in self.values]
        if self.sets:
            body["reference_values"] = [s.name for s in self.sets]
        return {"pcr": body}


@dataclass(frozen=True, slots=True)
class TpmIsOneOf:
    """The TPM's maker or its quoted firmware version is one of these.

    ``{"tpm": {"manufacturers": [...], "firmware": [...]}}``; at least one of
    the two.  A firmware version is the 64-bit number of the quote as 16 hex
    digits.
    """

    manufacturers: tuple[str, ...] = ()
    firmware: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not self.manufacturers and not self.firmware:
            raise ValueError("tpm: nothing to match")

    @classmethod
    def parse(cls, node: Node) -> TpmIsOneOf:
        """Read the rule; ``Invalid`` says where it is wrong."""
        found = node.fields(optional=("manufacturers", "firmware"))
        if not found:
            raise node.refuse("'manufacturers' or 'firmware' is missing")
        return cls(
            found["manufacturers"].texts() if "manufacturers" in found
            else (),
            found["firmware"].digests(8) if "firmware" in found else ())

    @property
    def registers(self) -> frozenset[int]:
        """No PCR is needed."""
        return frozenset()

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Compare what is asked for, each with its own finding."""
        if self.manufacturers:
            yield listed(
                "tpm", "manufacturer", TrustClaim.HARDWARE,
                value=facts.manufacturer, expected=self.manufacturers,
                action="Use a host with such a TPM, or add the maker to the "
                       "profile.")
        if self.firmware:
            yield listed(
                "tpm", "firmware", TrustClaim.HARDWARE,
                value=firmware_text(facts.firmware_version),
                expected=[v.hex() for v in self.firmware],
                action="Update the TPM's firmware, or add the version to "
                       "the profile.")

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        body: dict[str, Any] = {}
        if self.manufacturers:
            body["manufacturers"] = list(self.manufacturers)
        if self.firmware:
            body["firmware"] = [v.hex() for v in self.firmware]
        return {"tpm": body}


@dataclass(frozen=True, slots=True)
class HardwareRoot:
    """The TPM's endorsement leads to a maker of hardware.

    ``{"hardware-root": {"required": true}}``.  A profile that accepts
    software TPMs leaves the rule out: every rule asks something.
    """

    @classmethod
    def parse(cls, node: Node) -> HardwareRoot:
        """Read the rule; ``Invalid`` says where it is wrong."""
        required = node.fields("required")["required"]
        if not required.boolean():
            raise required.refuse(
                "leave the rule out to accept software TPMs")
        return cls()

    @property
    def registers(self) -> frozenset[int]:
        """No PCR is needed."""
        return frozenset()

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Say whether a hardware trust anchor vouches for the TPM."""
        if facts.hardware:
            yield Finding("hardware-root", TrustClaim.HARDWARE,
                          TrustTier.AFFIRMING,
                          "the TPM is endorsed by a maker of hardware",
                          "endorsement", "hardware", "hardware")
        else:
            yield Finding("hardware-root", TrustClaim.HARDWARE,
                          TrustTier.CONTRAINDICATED,
                          "the TPM is software or its maker is not known as "
                          "a maker of hardware", "endorsement", "hardware",
                          "software", "Use a host with a hardware TPM.")

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        return {"hardware-root": {"required": True}}


@dataclass(frozen=True, slots=True)
class LabelIsOneOf:
    """A label that an operator gave the host has one of these values.

    ``{"label": {"name": "region", "values": ["eu", ...]}}``
    """

    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"label {self.name}: no value to match")

    @classmethod
    def parse(cls, node: Node) -> LabelIsOneOf:
        """Read the rule; ``Invalid`` says where it is wrong."""
        found = node.fields("name", "values")
        return cls(found["name"].text(), found["values"].texts())

    @property
    def registers(self) -> frozenset[int]:
        """No PCR is needed."""
        return frozenset()

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Compare the label; a host without it is unknown."""
        value = facts.labels.get(self.name)
        action = (f"Label the host: 'openstack trusted host label HOST "
                  f"{self.name}=VALUE'.")
        if value is None:
            yield Finding("label", TrustClaim.INSTANCE_IDENTITY,
                          TrustTier.NONE,
                          f"the host has no label {self.name!r}", self.name,
                          one_of(self.values), "no such label", action)
        else:
            yield listed("label", self.name, TrustClaim.INSTANCE_IDENTITY,
                         value=value, expected=self.values, action=action)

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        return {"label": {"name": self.name, "values": list(self.values)}}


def firmware_text(version: int) -> str:
    """Write a quote's firmware version as documents name it."""
    return f"{version:016x}"


#: The names of these rules in a document.
RULES: Mapping[str, Callable[[Node], Rule]] = {
    "pcr": PcrIsOneOf.parse,
    "tpm": TpmIsOneOf.parse,
    "hardware-root": HardwareRoot.parse,
    "label": LabelIsOneOf.parse,
}
