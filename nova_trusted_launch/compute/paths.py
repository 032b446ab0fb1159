# SPDX-License-Identifier: Apache-2.0
"""Operations that a trusted instance refuses, each with its reason.

They would write plaintext to storage.  Every method asks first and leaves the
instance as it is.
"""

from __future__ import annotations

from typing import Any

from nova_trusted_launch.compute import refusal
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.wire.codes import Code

_PLAIN_SNAPSHOT = "its snapshot would be stored unencrypted"
_PLAIN_MEMORY = "its memory would be stored unencrypted"


class RefusedPaths:
    """Mixed into the driver in front of Nova's."""

    def trusted(self, instance: Any) -> bool:
        """Say whether the instance shows any sign of trust."""
        raise NotImplementedError

    def _refuse(self, instance: Any, why: str) -> None:
        if self.trusted(instance):
            raise TrustedLaunchRefused(Code.PATH_REFUSED, why)

    def _refuse_unchanged(self, instance: Any, why: str) -> None:
        try:
            self._refuse(instance, why)
        except TrustedLaunchRefused as exc:
            raise refusal.unchanged(exc) from exc

    def snapshot(self, context: Any, instance: Any, *args: Any,
                 **kwargs: Any) -> Any:
        self._refuse(instance, _PLAIN_SNAPSHOT)
        return super().snapshot(context, instance, *args, **kwargs)

    def suspend(self, context: Any, instance: Any) -> Any:
        self._refuse_unchanged(instance, _PLAIN_MEMORY)
        return super().suspend(context, instance)

    def resume(self, context: Any, instance: Any, *args: Any,
               **kwargs: Any) -> Any:
        self._refuse_unchanged(instance, _PLAIN_MEMORY)
        return super().resume(context, instance, *args, **kwargs)
