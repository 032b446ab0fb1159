# SPDX-License-Identifier: Apache-2.0
"""Rules about what was booted.

In: facts of a host.  Out: findings, as ``rule`` says.  A host without a boot
log is unknown to all of them: a kernel can be started so that it has none.

Not decided here: rules about files (``ima_rules``), and which rules a
document may name (``document``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.core.bootlog.secure_boot import Authority, SecureBoot
from attestation_service.core.facts import HostFacts
from attestation_service.core.policy.node import Node
from attestation_service.core.policy.rule import Rule, one_of, shown
from nova_trusted_launch.wire.results import Finding, TrustClaim, TrustTier

_FINGERPRINT = 32
_NO_LOG = ("Boot the kernel through its EFI stub (GRUB's 'linux' with Secure "
           "Boot on, or a unified kernel image) and let the agent read "
           "/sys/kernel/security/tpm0/binary_bios_measurements.")


def no_log(rule: str, claim: TrustClaim) -> Finding:
    """Say that nothing is known of the boot."""
    return Finding(rule, claim, TrustTier.NONE, "the host sent no boot log",
                   "boot log", "a boot log", "none", _NO_LOG)


@dataclass(frozen=True, slots=True)
class BootLog:
    """The boot log is there, and proven without unknown firmware quirks.

    ``{"boot-log": {"required": true, "quirks": [name, ...]}}``; a quirk that
    is needed and not in the list is a warning.
    """

    quirks: tuple[str, ...] = ()

    @classmethod
    def parse(cls, node: Node) -> BootLog:
        """Read the rule; ``Invalid`` says where it is wrong."""
        found = node.fields("required", optional=("quirks",))
        if not found["required"].boolean():
            raise found["required"].refuse("leave the rule out instead")
        return cls(found["quirks"].texts() if "quirks" in found else ())

    @property
    def registers(self) -> frozenset[int]:
        """All that a firmware measures into."""
        return frozenset(range(8))

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Look for a log that replays."""
        claim = TrustClaim.CONFIGURATION
        if facts.boot is None:
            yield no_log("boot-log", claim)
            return
        odd = [q for q in facts.boot.quirks if q not in self.quirks]
        if odd:
            yield Finding(
                "boot-log", claim, TrustTier.WARNING,
                f"the log replays only with firmware quirks: {one_of(odd)}",
                "boot log", one_of(self.quirks) or "no quirk",
                one_of(facts.boot.quirks),
                "Update the firmware, or add the quirk to the profile.")
        else:
            yield Finding(
                "boot-log", claim, TrustTier.AFFIRMING,
                f"{len(facts.boot.events.log.rows)} events replay to the "
                "quoted registers", "boot log")

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        body: dict[str, Any] = {"required": True}
        if self.quirks:
            body["quirks"] = list(self.quirks)
        return {"boot-log": body}


@dataclass(frozen=True, slots=True)
class SecureBootIsOn:
    """UEFI Secure Boot was on, shim validated, and these keys were used.

    ``{"secure-boot": {"enabled": true, "authorities": [hex, ...],
    "revoked": [hex, ...]}}``.  An authority is the SHA-256 of a certificate
    or the digest in db that let an image run; every one that was used must
    be in the list.  ``revoked`` are entries that dbx must have.
    """

    authorities: tuple[bytes, ...] = ()
    revoked: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, node: Node) -> SecureBootIsOn:
        """Read the rule; ``Invalid`` says where it is wrong."""
        found = node.fields("enabled", optional=("authorities", "revoked"))
        if not found["enabled"].boolean():
            raise found["enabled"].refuse("leave the rule out instead")
        return cls(*(found[name].digests(_FINGERPRINT) if name in found
                     else () for name in ("authorities", "revoked")))

    @property
    def registers(self) -> frozenset[int]:
        """Where the firmware measures the policy."""
        return frozenset({7})

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Read the state, then who vouched for what ran."""
        claim = TrustClaim.CONFIGURATION
        if facts.boot is None:
            yield no_log("secure-boot", claim)
            return
        state = facts.boot.secure_boot
        yield self._state(state)
        if state.enabled:
            if self.authorities:
                yield from self._used(state)
            if self.revoked:
                yield self._revoked(state)

    def _state(self, state: SecureBoot) -> Finding:
        rule, claim = "secure-boot", TrustClaim.CONFIGURATION
        if state.enabled is None:
            return Finding(rule, claim, TrustTier.NONE,
                           f"it cannot be told: {state.undecided}",
                           "Secure Boot", "on", "undecided",
                           "Look at the event; update the firmware.")
        if not state.enabled:
            return Finding(rule, claim, TrustTier.CONTRAINDICATED,
                           "Secure Boot is off", "Secure Boot", "on", "off",
                           "Switch it on in the firmware's setup.")
        if not state.shim_validates:
            return Finding(rule, claim, TrustTier.CONTRAINDICATED,
                           "shim was told to load anything", "MokSBState",
                           "validation on", "validation off",
                           "Run 'mokutil --enable-validation', then reboot.")
        return Finding(rule, claim, TrustTier.AFFIRMING, "Secure Boot is on",
                       "Secure Boot", "on", "on")

    def _used(self, state: SecureBoot) -> Iterator[Finding]:
        known = {digest.hex() for digest in self.authorities}
        used = [(a, a.signature.fingerprint) for a in state.authorities
                if a.signature is not None]
        odd = [(a, print_) for a, print_ in used if print_ not in known]
        for authority, print_ in odd:
            yield Finding(
                "secure-boot", TrustClaim.EXECUTABLES,
                TrustTier.CONTRAINDICATED,
                f"{_name(authority)} let something run and is not accepted",
                f"event {authority.number}", one_of(known), print_,
                "Find out what it signed; add it to the profile if that is "
                "meant to run.")
        if not odd:
            yield Finding(
                "secure-boot", TrustClaim.EXECUTABLES, TrustTier.AFFIRMING,
                f"all {len(used)} authorities that were used are accepted",
                "authorities", one_of(known))

    def _revoked(self, state: SecureBoot) -> Finding:
        has = {s.fingerprint for s in state.databases.get("dbx", ())}
        missing = sorted(d.hex() for d in self.revoked if d.hex() not in has)
        if missing:
            return Finding(
                "secure-boot", TrustClaim.CONFIGURATION,
                TrustTier.CONTRAINDICATED,
                f"dbx lacks {len(missing)} revocations", "dbx",
                one_of(missing), f"{len(has)} entries",
                "Update dbx (fwupdmgr), then reboot.")
        return Finding("secure-boot", TrustClaim.CONFIGURATION,
                       TrustTier.AFFIRMING, "dbx has every revocation that "
                       "is asked for", "dbx", "", f"{len(has)} entries")

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        body: dict[str, Any] = {"enabled": True}
        if self.authorities:
            body["authorities"] = [d.hex() for d in self.authorities]
        if self.revoked:
            body["revoked"] = [d.hex() for d in self.revoked]
        return {"secure-boot": body}


def _name(authority: Authority) -> str:
    signature = authority.signature
    subject = signature.subject if signature else None
    return shown(f"{subject or 'a digest'} in {authority.variable}")


#: The names of these rules in a document.
RULES: Mapping[str, Callable[[Node], Rule]] = {
    "boot-log": BootLog.parse,
    "secure-boot": SecureBootIsOn.parse,
}
