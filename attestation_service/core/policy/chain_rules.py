# SPDX-License-Identifier: Apache-2.0
"""Rules about what was loaded on the way to the kernel, and how.

In: facts of a host.  Out: findings, as ``rule`` says.  A host without a boot
log is unknown to all of them.

Not decided here: Secure Boot (``boot_rules``), and which rules a document may
name (``document``).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.core.bootlog.boot_chain import (
    BootChain,
    Measurement,
    Text,
)
from attestation_service.core.facts import HostFacts
from attestation_service.core.policy import reference_values as refs
from attestation_service.core.policy.boot_rules import no_log
from attestation_service.core.policy.node import Node
from attestation_service.core.policy.rule import Rule, one_of, shown
from nova_trusted_launch.wire.results import Finding, TrustClaim, TrustTier

# Kind of component -> the register it is measured into, and where it stands.
_KINDS: Mapping[str, tuple[
    int, Callable[[BootChain], tuple[Measurement, ...]]]] = {
    "firmware": (0, lambda chain: chain.firmware),
    "drivers": (2, lambda chain: chain.drivers),
    "images": (4, lambda chain: chain.images),
    "files": (9, lambda chain: chain.files),
    "machine-owner": (14, lambda chain: chain.machine_owner),
}
_COMMANDS, _KERNEL_CONFIG = 8, 12
# Any of SHA-256, SHA-384, SHA-512: the bank that was quoted decides.
_SIZES = (32, 48, 64)


@dataclass(frozen=True, slots=True)
class ComponentsAreKnown:
    """Each component of a kind has a reference value.

    ``{"boot-components": {"kind": "images", "values": [hex, ...],
    "reference_values": [set name, ...]}}``; at least one of the two lists.
    Kinds: firmware, drivers (option ROMs too), images (EFI applications:
    shim, GRUB, kernel), files (what GRUB read), machine-owner (shim's keys).
    """

    kind: str
    values: tuple[bytes, ...]
    sets: tuple[refs.ReferenceValues, ...] = ()

    def __post_init__(self) -> None:
        if not self.values and not self.sets:
            raise ValueError(f"{self.kind}: no reference value to match")

    @classmethod
    def parse(cls, node: Node) -> ComponentsAreKnown:
        """Read the rule; ``Invalid`` says where it is wrong."""
        found = node.fields("kind", optional=("values", "reference_values"))
        kind = found["kind"].text()
        if kind not in _KINDS:
            raise found["kind"].refuse(
                f"one of {', '.join(sorted(_KINDS))} is expected")
        if len(found) == 1:
            raise node.refuse("'values' or 'reference_values' is missing")
        return cls(
            kind, _digests(found["values"]) if "values" in found else (),
            found["reference_values"].reference_values(refs.DIGEST)
            if "reference_values" in found else ())

    @property
    def registers(self) -> frozenset[int]:
        """Where components of this kind are measured."""
        return frozenset({_KINDS[self.kind][0]})

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Look each component up by its digest; names are only claimed."""
        register, components_of = _KINDS[self.kind]
        claim = TrustClaim.EXECUTABLES
        if facts.boot is None:
            yield no_log("boot-components", claim)
            return
        if register not in facts.boot.proven:
            yield Finding(
                "boot-components", claim, TrustTier.NONE,
                f"register {register} is not proven by the log", self.kind,
                "a register that the log explains",
                "one that holds something else, or was not quoted",
                "See that the register is quoted, and that nothing "
                "extends it after the boot.")
            return
        components = components_of(facts.boot.chain)
        odd = [c for c in components if not self._known(c)]
        yield from (self._unknown(c) for c in odd)
        if not odd:
            yield Finding(
                "boot-components", claim, TrustTier.AFFIRMING,
                f"all {len(components)} {self.kind} have reference values",
                self.kind)

    def _known(self, component: Measurement) -> bool:
        return component.digest in self.values or any(
            known.holds(component.digest, self.kind) for known in self.sets)

    def _unknown(self, component: Measurement) -> Finding:
        name = component.claimed_name
        return Finding(
            "boot-components", TrustClaim.EXECUTABLES,
            TrustTier.CONTRAINDICATED,
            f"one of the {self.kind} has no reference value"
            + (f"; the log calls it {name!r}" if name else ""),
            f"event {component.number}",
            one_of([v.hex() for v in self.values]
                   + [f"any of {s.name!r}" for s in self.sets]),
            component.digest.hex(),
            "If it was updated, add the digest to a new version of the "
            "profile; otherwise find out what was loaded.")

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        body: dict[str, Any] = {"kind": self.kind}
        if self.values:
            body["values"] = [v.hex() for v in self.values]
        if self.sets:
            body["reference_values"] = [s.name for s in self.sets]
        return {"boot-components": body}


def _digests(node: Node) -> tuple[bytes, ...]:
    first = node.items()[0].value
    size = len(first) // 2 if isinstance(first, str) else 0
    return node.digests(size if size in _SIZES else _SIZES[0])


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The kernel was started with an accepted command line.

    ``{"command-line": {"patterns": [glob, ...], "words": [...],
    "forbidden": [glob, ...]}}``, at least one of the three.  A pattern is
    compared with the whole line (``*`` is any text); each of ``words`` must
    stand in it, and no word may match one of ``forbidden``.  Every command
    line that was measured must be accepted, and there must be one.
    """

    patterns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.patterns or self.words or self.forbidden):
            raise ValueError("command line: nothing is asked of it")

    @classmethod
    def parse(cls, node: Node) -> CommandLine:
        """Read the rule; ``Invalid`` says where it is wrong."""
        names = ("patterns", "words", "forbidden")
        found = node.fields(optional=names)
        if not found:
            raise node.refuse(f"one of {', '.join(names)} is expected")
        return cls(*(found[name].texts() if name in found else ()
                     for name in names))

    @property
    def registers(self) -> frozenset[int]:
        """Where boot loaders measure command lines."""
        return frozenset({_COMMANDS, _KERNEL_CONFIG})

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Look at every line that may have been the kernel's."""
        if facts.boot is None:
            yield no_log("command-line", TrustClaim.CONFIGURATION)
            return
        missing = self._incomplete(facts)
        lines = facts.boot.chain.command_lines
        for line in lines:
            yield self._line(line)
        if missing:
            yield Finding(
                "command-line", TrustClaim.CONFIGURATION, TrustTier.NONE,
                missing, "command line", "one that was measured as text",
                "none, or not all", "Use a boot loader that measures the "
                "command line as text (GRUB, systemd-boot).")

    def _incomplete(self, facts: HostFacts) -> str:
        """Say why there may be a command line that is not seen."""
        assert facts.boot is not None
        chain = facts.boot.chain
        for register in sorted(self.registers):
            if register in facts.boot.events.unexplained:
                return (f"register {register} holds something that the log "
                        "does not tell")
            if register not in facts.boot.proven:
                return f"register {register} was not quoted"
        if chain.unreadable:
            return (f"event {chain.unreadable[0].number} may be a command "
                    "line, but its text was not measured")
        return "" if chain.command_lines else "none was measured"

    def _line(self, line: Text) -> Finding:
        why = self._refused(line.text)
        expected = one_of(self.patterns) or one_of(self.words)
        subject = f"event {line.number}"
        if why:
            return Finding(
                "command-line", TrustClaim.CONFIGURATION,
                TrustTier.CONTRAINDICATED, why, subject, expected,
                shown(line.text),
                "Correct the boot loader's configuration and reboot, or "
                "accept the line in a new version of the profile.")
        return Finding("command-line", TrustClaim.CONFIGURATION,
                       TrustTier.AFFIRMING, "the command line is accepted",
                       subject, expected, shown(line.text))

    def _refused(self, text: str) -> str:
        if self.patterns and not any(
                fnmatch.fnmatchcase(text, p) for p in self.patterns):
            return "the command line matches none of the patterns"
        words = text.split()
        for word in self.words:
            if word not in words:
                return f"the command line lacks {word!r}"
        for word in words:
            if any(fnmatch.fnmatchcase(word, p) for p in self.forbidden):
                return f"the command line has {word!r}"
        return ""

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        body = {"patterns": self.patterns, "words": self.words,
                "forbidden": self.forbidden}
        return {"command-line": {
            name: list(value) for name, value in body.items() if value}}


#: The names of these rules in a document.
RULES: Mapping[str, Callable[[Node], Rule]] = {
    "boot-components": ComponentsAreKnown.parse,
    "command-line": CommandLine.parse,
}
