# SPDX-License-Identifier: Apache-2.0
"""Without Nova or Placement: nothing is confirmed, nothing is published."""

from __future__ import annotations

from collections.abc import Iterable

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code


class NoNova:
    """No ``[nova]`` in the configuration: every release is refused."""

    def locate(self, instance_id: str) -> r.Whereabouts | None:
        """Refuse."""
        raise errors.Unavailable(
            f"instance {instance_id} cannot be confirmed: [nova] is not "
            "configured", Code.RELEASE_UNCONFIRMED)


class NoPlacement:
    """No ``[placement]``: the scheduler filter works without traits."""

    def publish(self, host: str, affirming: Iterable[str],
                known: Iterable[str]) -> None:
        """Do nothing."""
