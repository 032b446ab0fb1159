# SPDX-License-Identifier: Apache-2.0
"""Keep what passes through this process out of core dumps and swap."""

from __future__ import annotations

import ctypes
import os
import resource

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

_PR_SET_DUMPABLE = 4
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


def harden(*, lock_memory: bool) -> None:
    """No core dumps, no ptrace by other users, and no swap if possible."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        LOG.warning("Core dumps could not be switched off: %s", _why())
    if lock_memory:
        _lock(libc)


def _lock(libc: ctypes.CDLL) -> None:
    # With a limit, a later allocation would fail instead of this call.
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit != resource.RLIM_INFINITY and os.geteuid() != 0:
        LOG.warning("Memory is not locked: LimitMEMLOCK is %d; keys can "
                    "reach this host's swap", limit)
        return
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        LOG.warning("Memory is not locked: %s; keys can reach this host's "
                    "swap", _why())


def _why() -> str:
    return os.strerror(ctypes.get_errno())
