# SPDX-License-Identifier: Apache-2.0
"""Folders that must never be on a disk, and what keeps them in memory."""

from __future__ import annotations

import os
import pathlib

from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.wire.codes import Code

_MEMORY = frozenset({"tmpfs", "ramfs"})


def demand(path: str, *, mounts: str = "/proc/self/mountinfo") -> None:
    """Refuse unless ``path`` is in memory.

    :raises TrustedLaunchRefused: it is on a disk, or does not exist.
    """
    real = os.path.realpath(path)
    if not os.path.isdir(real):
        raise TrustedLaunchRefused(Code.HOST_UNFIT, f"{path} does not exist")
    if filesystem_of(real, mounts) not in _MEMORY:
        raise TrustedLaunchRefused(
            Code.HOST_UNFIT, f"{path} is not on tmpfs: keys or the tenant's "
            "nonce would reach the host's storage")


def filesystem_of(real: str, mounts: str = "/proc/self/mountinfo") -> str:
    """Return the type of the file system that holds a resolved path."""
    best, kind = "", ""
    for line in pathlib.Path(mounts).read_text("utf-8").splitlines():
        before, _, after = line.partition(" - ")
        point = _unescaped(before.split(" ")[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        # A later mount on the same point hides the earlier one.
        if inside and len(point) >= len(best):
            best, kind = point, after.split(" ")[0]
    return kind


def swap_devices(swaps: str = "/proc/swaps") -> list[str]:
    """Return where memory may be paged out to, other than into memory."""
    lines = pathlib.Path(swaps).read_text("utf-8").splitlines()[1:]
    return [line.split()[0] for line in lines
            if not line.startswith("/dev/zram")]


def _unescaped(field: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"),
                       ("\\134", "\\")):
        field = field.replace(code, char)
    return field
