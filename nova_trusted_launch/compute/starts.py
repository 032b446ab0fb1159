# SPDX-License-Identifier: Apache-2.0
"""Which start of a guest this is, and what is asked for it.

Nova calls one method for many reasons and does not say which; the driver
notes the reason on the way.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nova.compute import task_states, vm_states

from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action

_REBUILDING = frozenset({
    task_states.REBUILDING, task_states.REBUILD_BLOCK_DEVICE_MAPPING,
    task_states.REBUILD_SPAWNING})


@dataclass(frozen=True, slots=True)
class Start:
    """Why _hard_reboot is called; Nova does not say."""

    action: Action = Action.REBOOT
    soft: bool = False


_REBOOT = Start()
START: contextvars.ContextVar[Start] = contextvars.ContextVar(
    "start", default=_REBOOT)


@contextlib.contextmanager
def because(action: Action, *, soft: bool = False) -> Iterator[None]:
    """Say why, for the calls in this block."""
    token = START.set(Start(action, soft))
    try:
        yield
    finally:
        START.reset(token)


def spawn_action(instance: Any) -> Action:
    """Say for what Nova calls spawn."""
    if instance.vm_state == vm_states.SHELVED_OFFLOADED:
        return Action.UNSHELVE
    if instance.task_state in _REBUILDING:
        return Action.REBUILD
    return Action.SPAWN


def demand_supported(instance: Any, from_volume: bool) -> None:
    """Refuse what would start the guest from something unverified.

    :raises TrustedLaunchRefused: a volume, a kernel or a ramdisk image.
    """
    if from_volume or not instance.image_ref:
        raise TrustedLaunchRefused(
            Code.IMAGE_REFUSED, "it boots from a volume, which nobody "
            "verifies; boot from an image")
    if instance.kernel_id or instance.ramdisk_id:
        raise TrustedLaunchRefused(
            Code.IMAGE_REFUSED, "it boots a separate kernel or ramdisk "
            "image, which nobody verifies; use a disk image")
