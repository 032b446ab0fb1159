# SPDX-License-Identifier: Apache-2.0
"""Named firmware quirks: what real machines extend and do not log.

Each is tried only where a register does not replay, and counts only if the
register then does: the TPM itself proves that the quirk is at work.  The name
is a fact that a profile can refuse.
"""

from __future__ import annotations

from dataclasses import dataclass

_INVOCATION = b"Exit Boot Services Invocation"
_FAILURE = b"Exit Boot Services Returned with Failure"
_SUCCESS = b"Exit Boot Services Returned with Success"


@dataclass(frozen=True, slots=True)
class Workaround:
    """One way in which a register can differ from its log."""

    name: str
    register: int
    # The last byte of the register's value at TPM2_Startup.
    start: int = 0
    # Data of events that were extended after the last one logged.
    unlogged: tuple[bytes, ...] = ()


WORKAROUNDS = (
    # The firmware did not put its last events into the table of final
    # events, or the kernel did not read that table.
    Workaround("exit-boot-services-unlogged", 5,
               unlogged=(_INVOCATION, _SUCCESS)),
    Workaround("exit-boot-services-unlogged", 5,
               unlogged=(_INVOCATION, _FAILURE)),
    Workaround("exit-boot-services-unlogged", 5,
               unlogged=(_INVOCATION, _FAILURE, _INVOCATION, _SUCCESS)),
    Workaround("exit-boot-services-unlogged", 5,
               unlogged=(_INVOCATION, _FAILURE, _SUCCESS)),
    # The TPM was started from locality 3 (a CRTM) or by H-CRTM (4), without
    # the event that says so.
    Workaround("startup-locality-unlogged", 0, start=3),
    Workaround("startup-locality-unlogged", 0, start=4),
)
