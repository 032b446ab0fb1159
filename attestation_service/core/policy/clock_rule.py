# SPDX-License-Identifier: Apache-2.0
"""The rule about the TPM's own clock.

In: facts of a host.  Out: findings, as ``rule`` says.

Not decided here: that counters and clock did not go back
(``core.verify.verify_continuity``), which is refused whatever a profile says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.core.facts import HostFacts
from attestation_service.core.policy.node import Node
from attestation_service.core.policy.rule import Rule
from nova_trusted_launch.wire.results import Finding, TrustClaim, TrustTier


@dataclass(frozen=True, slots=True)
class ClockIsSafe:
    """The TPM knows that its clock never told a time twice.

    ``{"tpm-clock": {"safe": true}}``.  A TPM that lost its power without
    notice says ``safe`` = 0 until its clock is beyond what it may have told
    before.
    """

    @classmethod
    def parse(cls, node: Node) -> ClockIsSafe:
        """Read the rule; ``Invalid`` says where it is wrong."""
        safe = node.fields("safe")["safe"]
        if not safe.boolean():
            raise safe.refuse("leave the rule out to accept any clock")
        return cls()

    @property
    def registers(self) -> frozenset[int]:
        """No PCR is needed."""
        return frozenset()

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Say what the quote said of the clock."""
        if facts.clock_safe:
            yield Finding("tpm-clock", TrustClaim.HARDWARE,
                          TrustTier.AFFIRMING,
                          "the TPM was shut down in order", "clock", "safe",
                          "safe")
        else:
            yield Finding("tpm-clock", TrustClaim.HARDWARE,
                          TrustTier.CONTRAINDICATED,
                          "the TPM lost its power without notice: its clock "
                          "may tell a time again", "clock", "safe", "unsafe",
                          "Restart the host in order, or wait until the TPM "
                          "says that its clock is safe again (about an "
                          "hour); find out why the power was lost.")

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""
        return {"tpm-clock": {"safe": True}}


#: The names of these rules in a document.
RULES: Mapping[str, Callable[[Node], Rule]] = {
    "tpm-clock": ClockIsSafe.parse}
