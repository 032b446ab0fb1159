# SPDX-License-Identifier: Apache-2.0
"""Tell one boot of a host from the next, and refuse a TPM that went back.

In: a verified quote and the counters of the last one we accepted.  Out:
whether it is still the same boot.

Not decided here: whether the quote is fresh (its nonce: ``core.tpm.quote``).
"""

from __future__ import annotations

import datetime
from typing import Protocol

from attestation_service.core.errors import StaleEvidence
from attestation_service.core.tpm.quote import VerifiedQuote


class Counters(Protocol):
    """What a TPM counts, as of some quote."""

    @property
    def reset_count(self) -> int: ...
    @property
    def restart_count(self) -> int: ...
    @property
    def clock(self) -> int: ...
    @property
    def firmware_version(self) -> int: ...


def verify_continuity(quote: VerifiedQuote, known: Counters | None, *,
                      slack: datetime.timedelta) -> bool:
    """Return True for the boot we know, False for a new or the first one.

    Two quotes of one host may overtake each other on their way, so within one
    boot the clock may lie behind by ``slack``, the life of a nonce.  Checks:

    1. the TPM vouches for its own clock (``safe``);
    2. resets did not go back;
    3. nor, between two resets, restarts;
    4. nor, between two restarts, the clock by more than ``slack``.

    Another firmware of the TPM is another boot: what was found out before
    does not hold for it.

    :raises StaleEvidence: a check failed.
    """
    if not quote.safe:
        raise StaleEvidence(
            "the TPM was not shut down in order and its clock may repeat; "
            "it recovers by itself within 70 minutes, or after an orderly "
            "reboot")
    if known is None:
        return False
    ours, theirs = _boot(known), _boot(quote)
    if theirs < ours:
        raise StaleEvidence(
            f"the TPM counts {theirs[0]} resets and {theirs[1]} restarts, "
            f"but has already counted {ours[0]} and {ours[1]}")
    if theirs > ours:
        return False
    if quote.clock + slack // datetime.timedelta(milliseconds=1) < (
            known.clock):
        raise StaleEvidence("the TPM's clock went back")
    return quote.firmware_version == known.firmware_version


def _boot(counters: Counters) -> tuple[int, int]:
    return counters.reset_count, counters.restart_count
