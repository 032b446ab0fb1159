# SPDX-License-Identifier: Apache-2.0
"""Facts about a host's boot, proven by the registers of a quote.

In: a boot log and quoted registers.  Out: :class:`BootFacts`.

Not decided here: what facts a profile accepts (``core.policy``).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.boot_chain import BootChain, boot_chain
from attestation_service.core.bootlog.replay import (
    EXTENDED_LATER,
    ReplayedEvents,
    replay,
)
from attestation_service.core.bootlog.secure_boot import (
    SecureBoot,
    secure_boot,
)
from attestation_service.core.memo import Memo
from nova_trusted_launch.wire.digests import PcrBank


@dataclass(frozen=True)
class BootFacts:
    """What was booted.  Only :func:`boot_facts` makes these.

    Without slots, because facts are read when a rule asks for them and kept.
    """

    events: ReplayedEvents

    @functools.cached_property
    def secure_boot(self) -> SecureBoot:
        """What UEFI Secure Boot did."""
        return secure_boot(self.events)

    @functools.cached_property
    def chain(self) -> BootChain:
        """What was loaded."""
        return boot_chain(self.events)

    @property
    def proven(self) -> frozenset[int]:
        """The registers that hold exactly what the log says."""
        return self.events.proven

    @property
    def quirks(self) -> tuple[str, ...]:
        """Firmware quirks that were needed to replay the log."""
        return self.events.quirks


def boot_facts(
    data: bytes | None, pcrs: PcrBank, *,
    extended_later: frozenset[int] = EXTENDED_LATER,
    memo: Memo[bytes] | None = None,
    max_size: int = tcg.MAX_SIZE, max_events: int = tcg.MAX_EVENTS,
) -> BootFacts | None:
    """Prove a boot log; None when there is none, or an empty one.

    A kernel that was started without its EFI stub has an empty log although
    registers were extended: that is for the profile to judge.

    :raises MalformedEvidence: it is not a boot log, or too large.
    :raises UnauthenticEvidence: it is not the log of these registers.
    """
    if not data:
        return None
    log = tcg.parse(data, max_size=max_size, max_events=max_events)
    return BootFacts(replay(log, pcrs, extended_later=extended_later,
                            memo=memo))
