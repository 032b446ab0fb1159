# SPDX-License-Identifier: Apache-2.0
"""The one entrance for evidence: an envelope becomes something proven.

In: an Attester's :class:`Evidence`, the :class:`Challenge` that was just spent
for it and the AK of that Attester.  Out: :class:`VerifiedEvidence`.

The logs in it are still claims: only replaying them against the quote's PCRs
makes them more (``core.bootlog``, ``core.ima``).

Not decided here: whether the nonce was open (``ports.Challenges``), nor what
the host's state is worth (``core.appraise``).
"""

from __future__ import annotations

import datetime
import hmac
from dataclasses import dataclass
from typing import Protocol

from attestation_service.core.errors import StaleEvidence, UnauthenticEvidence
from attestation_service.core.tpm.attestation_key import AttestationKey
from attestation_service.core.tpm.quote import VerifiedQuote, verify_quote
from nova_trusted_launch.wire.challenge import Challenge
from nova_trusted_launch.wire.evidence import Evidence

_MILLISECOND = datetime.timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class VerifiedEvidence:
    """A proven quote with the logs that came along, not yet replayed.

    Only :func:`verify_evidence` makes these.  ``ima_offset`` is where in the
    host's list ``untrusted_ima_log`` starts.
    """

    quote: VerifiedQuote
    untrusted_boot_log: bytes | None
    untrusted_ima_log: bytes | None
    ima_offset: int


def verify_evidence(
    evidence: Evidence,
    *,
    ak: AttestationKey,
    challenge: Challenge,
    qualifying: bytes,
    now: datetime.datetime,
) -> VerifiedEvidence:
    """Prove that ``evidence`` answers ``challenge`` by the TPM of ``ak``.

    ``qualifying`` is what the TPM had to sign: the nonce itself, or
    ``ReleaseRequest.binding`` of it.  Checks, in this order:

    1. the challenge has not expired;
    2. it was issued to this attester;
    3. the evidence names its nonce;
    4. the quote is what :func:`verify_quote` says;
    5. the IMA list starts at the start, or where the challenge asked.

    The caller must have spent ``challenge``, for its purpose, and must trust
    ``ak`` to be that attester's.

    :raises StaleEvidence: check 1, 2 or 3 failed, or the quote answers
        another challenge.
    :raises UnauthenticEvidence: check 4 or 5 failed.
    :raises MalformedEvidence: a structure is none.
    """
    if now >= challenge.expires_at:
        raise StaleEvidence("the challenge has expired")
    if evidence.attester_id != challenge.attester_id:
        raise StaleEvidence("the challenge was issued to another attester")
    if not hmac.compare_digest(evidence.nonce, challenge.nonce):
        raise StaleEvidence("the evidence names another nonce")
    quote = verify_quote(
        evidence.quote, evidence.signature, evidence.pcrs, ak=ak,
        nonce=qualifying, selection=challenge.selection)
    if evidence.ima_offset not in (0, challenge.ima_offset):
        raise UnauthenticEvidence(
            "the IMA list does not start where it was asked for")
    return VerifiedEvidence(quote, evidence.boot_log, evidence.ima_log,
                            evidence.ima_offset)


class Counters(Protocol):
    """What a TPM counted when it made the last quote that was accepted."""

    @property
    def reset_count(self) -> int: ...
    @property
    def restart_count(self) -> int: ...
    @property
    def clock(self) -> int: ...
    @property
    def firmware_version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What changed since the last accepted quote, as plain facts.

    ``same_boot`` is False for the first quote, after a reset and after a
    restart (resume).  ``orderly`` is False when the TPM lost its power without
    notice, so that its clock may repeat.  ``firmware_changed``: what was
    appraised before was another firmware.
    """

    same_boot: bool
    orderly: bool
    firmware_changed: bool


def verify_continuity(previous: Counters | None, quote: VerifiedQuote, *,
                      slack: datetime.timedelta) -> Progress:
    """Prove that ``quote`` is no older than the last that was accepted.

    Checks, in this order:

    1. resetCount did not go back;
    2. nor, within one reset, restartCount;
    3. nor, within one boot, the clock by more than ``slack``: two quotes of
       one host may overtake each other while their nonces live.

    After a loss of power the clock of a new boot starts where the TPM saved
    it last, up to 70 minutes behind, and ``safe`` is 0.  That is a fact about
    the host and no refusal, or a power cut would keep a whole cloud out:
    resetCount has gone up, which no rollback does.

    :raises UnauthenticEvidence: a check failed.
    """
    if previous is None:
        return Progress(False, quote.safe, False)
    before = (previous.reset_count, previous.restart_count)
    after = (quote.reset_count, quote.restart_count)
    if after < before:
        raise UnauthenticEvidence(
            f"the TPM says {after[0]} resets and {after[1]} restarts, but "
            f"had already counted {before[0]} and {before[1]}")
    behind = previous.clock - quote.clock
    if after == before and behind > slack // _MILLISECOND:
        raise UnauthenticEvidence("the TPM's clock went back within one boot")
    return Progress(after == before, quote.safe,
                    quote.firmware_version != previous.firmware_version)
