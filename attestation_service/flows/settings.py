# SPDX-License-Identifier: Apache-2.0
"""What an operator can set of the flows, as one value.

The composition root makes it from the configuration; the defaults here are
those of the configuration.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from attestation_service.core.facts import LogSettings
from attestation_service.core.memo import Memo
from nova_trusted_launch.wire.digests import HashAlg

_MINUTE = datetime.timedelta(minutes=1)
BOOT_REGISTERS = frozenset({*range(10), 14})


def log_settings() -> LogSettings:
    """Share what IMA entries extended among all hosts.

    Two times 65,536 entries of some 350 bytes: 45 MB for a bank in use.
    """
    return LogSettings(memos={alg: Memo(2 ** 16) for alg in HashAlg})


@dataclass(frozen=True, slots=True)
class Settings:
    """Lives, limits and registers.

    ``registers`` of ``bank`` are always quoted; those that an active profile
    needs and ``sealed_registers`` come on top.  ``result_life`` is for
    profiles that do not say.  A host's traits are published when they change
    and every ``publish_interval``; those of a host that fell silent are
    looked after for ``silence``.  Of each host ``kept_evidence`` pieces of
    evidence are kept, a new one every ``keep_interval``.
    """

    bank: HashAlg = HashAlg.SHA256
    registers: frozenset[int] = frozenset(range(15))
    sealed_registers: frozenset[int] = BOOT_REGISTERS
    challenge_life: datetime.timedelta = _MINUTE
    open_challenges: int = 4
    open_releases: int = 64
    enrolment_life: datetime.timedelta = 5 * _MINUTE
    open_enrolments: int = 4
    release_life: datetime.timedelta = _MINUTE
    session_life: datetime.timedelta = _MINUTE
    launch_life: datetime.timedelta = 24 * 60 * _MINUTE
    result_life: datetime.timedelta = 60 * _MINUTE
    snapshot_life: datetime.timedelta = _MINUTE
    history_life: datetime.timedelta = 30 * 24 * 60 * _MINUTE
    silence: datetime.timedelta = 24 * 60 * _MINUTE
    publish_interval: datetime.timedelta = 60 * _MINUTE
    kept_evidence: int = 3
    keep_interval: datetime.timedelta = 60 * _MINUTE
    log_origin: str = "host-attestation"
    logs: LogSettings = field(default_factory=log_settings)

    def __post_init__(self) -> None:
        if not self.sealed_registers:
            raise ValueError("a key must be sealed to a register at least")
