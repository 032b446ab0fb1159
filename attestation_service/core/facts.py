# SPDX-License-Identifier: Apache-2.0
"""What is known of a host after its evidence was verified: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.core.verify import VerifiedEvidence
from nova_trusted_launch.wire.digests import PcrBank


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Typed values that the rules of a policy look at."""

    pcrs: PcrBank
    reset_count: int
    restart_count: int
    manufacturer: str
    firmware_version: int
    hardware: bool
    labels: Mapping[str, str]
    boot: Any = None
    ima: Any = None


def extract(verified: VerifiedEvidence, *, manufacturer: str, hardware: bool,
            labels: Mapping[str, str]) -> HostFacts:
    """Read what a host's verified evidence and its endorsement say."""
    quote = verified.quote
    return HostFacts(quote.pcrs, quote.reset_count, quote.restart_count,
                     manufacturer, quote.firmware_version, hardware, labels)
