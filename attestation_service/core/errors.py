# SPDX-License-Identifier: Apache-2.0
"""Refusals: what we could not establish, or would not do, and why.

Each carries a :class:`~nova_trusted_launch.wire.codes.Code`.  A bad host is
not an exception (it is an AttestationResult); our own failures are any other
exception.  ``str(exc)`` is a sentence for an operator and holds no secret.
"""

from __future__ import annotations

from nova_trusted_launch.wire.codes import Code


class Refusal(Exception):
    """Base of everything that is refused with a stable code."""

    code: Code

    def __init__(self, detail: str, code: Code | None = None) -> None:
        super().__init__(detail)
        if code is not None:
            self.code = code


class EvidenceError(Refusal):
    """Nothing could be established from this evidence."""


class MalformedEvidence(EvidenceError):
    """Not parseable: the sender must mend its encoder."""

    code = Code.EVIDENCE_MALFORMED


class OversizedEvidence(MalformedEvidence):
    """Larger or longer than the configured limit."""

    code = Code.EVIDENCE_TOO_LARGE


class StaleEvidence(EvidenceError):
    """Answers no open challenge: ask for a new one."""

    code = Code.EVIDENCE_STALE


class UnauthenticEvidence(EvidenceError):
    """The TPM did not sign this."""

    code = Code.EVIDENCE_UNAUTHENTIC


class UnendorsedKey(EvidenceError):
    """No trust anchor vouches for the key."""

    code = Code.EVIDENCE_UNENDORSED


class Invalid(Refusal):
    """A document or request that people write is not valid (400)."""

    code = Code.REQUEST_INVALID


class Unknown(Refusal):
    """There is no such thing, or it is not yours to see (404)."""

    code = Code.REQUEST_NOT_FOUND


class Conflict(Refusal):
    """It exists, is taken, or is in the wrong state (409)."""

    code = Code.REQUEST_CONFLICT


class Forbidden(Refusal):
    """Understood and refused (403): enrolment and release refusals."""

    code = Code.REQUEST_FORBIDDEN


class LimitReached(Refusal):
    """Too many of these are open already (429)."""

    code = Code.REQUEST_LIMIT


class Unavailable(Refusal):
    """We cannot decide now, so the answer is no (503)."""

    code = Code.SERVICE_UNAVAILABLE
