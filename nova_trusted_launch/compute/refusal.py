# SPDX-License-Identifier: Apache-2.0
"""Say no to Nova so that it does the right thing next.

In: a stable code and a sentence.  Out: the exception that makes Nova try the
next host, give the build up, or leave the instance as it was; its text is
what the tenant reads as the instance's fault.
"""

from __future__ import annotations

import textwrap

from nova import exception

from nova_trusted_launch.wire.codes import Code

# Nova keeps 255 characters of a fault's text, its own words included; the
# advice at the end is what the tenant needs most.
_FAULT = 190
# About this host or this moment, not about the launch: another host may do
# better, or the same question a little later.
_OTHER_HOST = frozenset({
    Code.RELEASE_NOT_AFFIRMING, Code.AGENT_UNAVAILABLE, Code.TPM_FAILED,
    Code.SEAL_REFUSED, Code.HOST_UNFIT, Code.ATTESTER_UNKNOWN,
    Code.ATTESTER_PENDING, Code.ATTESTER_RETIRED, Code.EVIDENCE_MALFORMED,
    Code.EVIDENCE_STALE, Code.EVIDENCE_UNAUTHENTIC,
    Code.EVIDENCE_UNENDORSED, Code.EVIDENCE_TOO_LARGE, Code.HOST_EXPIRED,
    Code.HOST_NO_RESULT, Code.HOST_NOT_AFFIRMING,
    Code.SERVICE_UNAVAILABLE, Code.SERVICE_BROKEN,
    Code.RELEASE_UNCONFIRMED})


class TrustedLaunchRefused(exception.NovaException):
    """A trusted instance does not start, move or leave this host."""

    msg_fmt = "%(reason)s"

    def __init__(self, refusal: Code | str, detail: str) -> None:
        self.refusal = refusal
        self.detail = detail
        advice = getattr(refusal, "action", "")
        space = _FAULT - len(f"{refusal}: . {advice}")
        detail = textwrap.shorten(detail, space, placeholder="...")
        end = "" if detail.endswith(".") else "."
        super().__init__(
            reason=f"{refusal}: {detail}{end} {advice}".strip())

    @property
    def other_host_may_do(self) -> bool:
        """Whether it makes sense to try another host."""
        return self.refusal in _OTHER_HOST


def of_build(refused: TrustedLaunchRefused,
             instance_uuid: str) -> exception.NovaException:
    """Turn a refusal into what spawn has to raise."""
    reason = refused.format_message()
    if refused.other_host_may_do:
        return exception.ComputeResourcesUnavailable(reason=reason)
    return exception.BuildAbortException(
        instance_uuid=instance_uuid, reason=reason)


def unchanged(refused: TrustedLaunchRefused
              ) -> exception.InstanceFaultRollback:
    """Turn a refusal into one that leaves the instance's state alone."""
    return exception.InstanceFaultRollback(inner_exception=refused)
