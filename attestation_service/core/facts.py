# SPDX-License-Identifier: Apache-2.0
"""What is known of a host after its evidence was verified: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.facts import BootFacts, boot_facts
from attestation_service.core.bootlog.replay import EXTENDED_LATER
from attestation_service.core.errors import StaleEvidence
from attestation_service.core.ima import replay as ima
from attestation_service.core.ima.facts import (
    ImaFacts,
    ImaProgress,
    ima_facts,
)
from attestation_service.core.memo import Memo
from attestation_service.core.tpm.quote import VerifiedQuote
from attestation_service.core.verify import VerifiedEvidence
from nova_trusted_launch.wire.digests import HashAlg, PcrBank


# A fleet boots a handful of firmwares, each with some hundred events.
_BOOT_MEMO = 4096


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
    # None: the host sent no such log.
    boot: BootFacts | None = None
    ima: ImaFacts | None = None
    # The TPM vouches that its clock told no time twice.
    clock_safe: bool = False


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How logs are read: limits, and what the service knows already."""

    # Registers that this cloud's systems extend after the boot log's end.
    extended_later: frozenset[int] = EXTENDED_LATER
    max_boot_log: int = tcg.MAX_SIZE
    max_boot_events: int = tcg.MAX_EVENTS
    max_ima_log: int = ima.MAX_SIZE
    max_ima_entries: int = ima.MAX_ENTRIES
    # What entries extended, by bank; shared by all hosts.
    memos: Mapping[HashAlg, Memo[bytes]] = field(default_factory=dict)
    # What hashes to what in boot logs, the same way.
    boot_memos: Mapping[HashAlg, Memo[bytes]] = field(
        default_factory=lambda: {
            alg: Memo(_BOOT_MEMO) for alg in HashAlg})


def extract(verified: VerifiedEvidence, *, manufacturer: str, hardware: bool,
            labels: Mapping[str, str], logs: LogSettings | None = None,
            earlier: ImaProgress | None = None) -> HostFacts:
    """Read what a host's verified evidence and its endorsement say.

    ``earlier`` is how far the list of this boot was proven before; it is not
    used when the host sent its list from the beginning.

    :raises StaleEvidence: the list continues one that is not known (any
        more): ask for it from the beginning.
    :raises MalformedEvidence: a log breaks the rules of its format, or is
        too large.
    :raises UnauthenticEvidence: a log is not that of the quoted registers.
    """
    logs = logs or LogSettings()
    quote = verified.quote
    boot = boot_facts(
        verified.untrusted_boot_log, quote.pcrs,
        extended_later=logs.extended_later,
        memo=logs.boot_memos.get(quote.pcrs.alg),
        max_size=logs.max_boot_log, max_events=logs.max_boot_events)
    files = ima_facts(
        verified.untrusted_ima_log, quote.pcrs,
        boot=(quote.reset_count, quote.restart_count),
        earlier=_continued(verified.ima_offset, earlier),
        memo=logs.memos.get(quote.pcrs.alg), max_size=logs.max_ima_log,
        max_entries=logs.max_ima_entries)
    return HostFacts(quote.pcrs, quote.reset_count, quote.restart_count,
                     manufacturer, quote.firmware_version, hardware, labels,
                     boot, files, quote.safe)


def registers_only(quote: VerifiedQuote, *, manufacturer: str,
                   hardware: bool, labels: Mapping[str, str]) -> HostFacts:
    """Read what a verified quote says by itself, without any log."""
    return HostFacts(quote.pcrs, quote.reset_count, quote.restart_count,
                     manufacturer, quote.firmware_version, hardware, labels)


def _continued(offset: int, earlier: ImaProgress | None) -> ImaProgress | None:
    """Return what a list continues that begins at ``offset``."""
    if offset == 0:
        return None
    if earlier is None or earlier.position.offset != offset:
        raise StaleEvidence(
            f"IMA list: nothing is known of it before byte {offset}")
    return earlier
