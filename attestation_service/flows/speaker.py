# SPDX-License-Identifier: Apache-2.0
"""Who may speak for an attester, and whether it may attest at all."""

from __future__ import annotations

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code


def authorize(attester: r.Attester, user_id: str) -> None:
    """Let only the enrolling user of an approved attester pass.

    :raises Forbidden: another user, or the attester waits for approval or
        has been retired.
    """
    authorize_user(attester, user_id)
    if attester.state is r.AttesterState.RETIRED:
        raise errors.Forbidden(f"host {attester.host!r} has been retired",
                               Code.ATTESTER_RETIRED)
    if attester.state is not r.AttesterState.APPROVED:
        raise errors.Forbidden(f"host {attester.host!r} waits for approval",
                               Code.ATTESTER_PENDING)


def authorize_user(attester: r.Attester, user_id: str) -> None:
    """Let only the user that enrolled the attester pass.

    :raises Forbidden: another user.
    """
    if attester.user_id != user_id:
        raise errors.Forbidden(
            f"host {attester.host!r} was enrolled by another user")
