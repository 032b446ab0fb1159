# SPDX-License-Identifier: Apache-2.0
"""Operations that a trusted instance refuses, each with its reason.

They would write plaintext to storage.  Every method asks first and leaves the
instance as it is.
"""

from __future__ import annotations

from typing import Any

from nova.compute import task_states

from nova_trusted_launch.compute import refusal
from nova_trusted_launch.compute.live import LiveMovingDriver
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused

_PLAIN_SNAPSHOT = "its snapshot would be stored unencrypted"
_PLAIN_MEMORY = "its memory would be stored unencrypted"


class RefusingDriver(LiveMovingDriver):
    """Refuse what would leave plaintext behind."""

    def _refuse_unchanged(self, instance: Any, why: str) -> None:
        try:
            self._refuse(instance, why)
        except TrustedLaunchRefused as exc:
            raise refusal.unchanged(exc) from exc

    def snapshot(self, context: Any, instance: Any, *args: Any,
                 **kwargs: Any) -> Any:
        self._refuse(instance, _PLAIN_SNAPSHOT)
        return super().snapshot(context, instance, *args, **kwargs)

    def power_off(self, instance: Any, *args: Any, **kwargs: Any) -> Any:
        if instance.task_state == task_states.SHELVING:
            # Shelving goes on with a snapshot; refuse while it still runs.
            self._refuse(instance, _PLAIN_SNAPSHOT)
        return super().power_off(instance, *args, **kwargs)

    def suspend(self, context: Any, instance: Any) -> Any:
        self._refuse_unchanged(instance, _PLAIN_MEMORY)
        return super().suspend(context, instance)

    def resume(self, context: Any, instance: Any, *args: Any,
               **kwargs: Any) -> Any:
        self._refuse_unchanged(instance, _PLAIN_MEMORY)
        return super().resume(context, instance, *args, **kwargs)
