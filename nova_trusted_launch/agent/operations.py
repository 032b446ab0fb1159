# SPDX-License-Identifier: Apache-2.0
"""What can be asked over the agent's socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from oslo_log import log as logging

from nova_trusted_launch.agent.identity import Identities
from nova_trusted_launch.agent.loop import AttestLoop, Journal
from nova_trusted_launch.agent.server import Operation
from nova_trusted_launch.agent.unseal import Releaser
from nova_trusted_launch.wire import encoding

LOG = logging.getLogger(__name__)


class InstanceService(Protocol):
    """What of the service's API instances need."""

    def instance_show(self, instance_id: str) -> dict[str, Any] | None:
        """See :class:`nova_trusted_launch.client.tenancy.Tenancy`."""

    def instance_close(self, instance_id: str) -> None:
        """See :class:`nova_trusted_launch.client.tenancy.Tenancy`."""


class Operations:
    """The socket's operations over the agent's parts."""

    def __init__(self, releaser: Releaser, service: InstanceService,
                 identities: Identities, loop: AttestLoop, journal: Journal,
                 *, host: str) -> None:
        self._releaser, self._service = releaser, service
        self._identities, self._loop = identities, loop
        self._journal, self._host = journal, host

    def table(self) -> Mapping[str, Operation]:
        """Return every operation by name."""
        return {"release": self.release, "status": self.status,
                "close": self.close, "instance": self.instance,
                "attest": self.attest}

    def release(self, request: dict[str, Any]) -> dict[str, Any]:
        """Release an instance's keys to this host."""
        keys = self._releaser.release(request)
        LOG.info("Released instance %s (release %s, receipt %d)",
                 request["instance_id"], keys.release_id, keys.log_index)
        return keys.to_dict()

    def status(self, request: dict[str, Any]) -> dict[str, Any]:
        """Say who we are and how attestation goes."""
        encoding.fields(request, "status")
        identity = self._identities.current()
        return {"attester_id": identity and identity.attester_id,
                "host": self._host, **self._journal.to_dict()}

    def instance(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Return an instance's lease, or None: never trusted."""
        return self._service.instance_show(_instance_id(request))

    def close(self, request: dict[str, Any]) -> dict[str, Any]:
        """Close a deleted instance's lease."""
        self._service.instance_close(_instance_id(request))
        return {}

    def attest(self, request: dict[str, Any]) -> dict[str, Any]:
        """Attest as soon as possible."""
        encoding.fields(request, "attest")
        self._loop.attest_now()
        return {}


def _instance_id(request: dict[str, Any]) -> str:
    fields = encoding.fields(request, "request", "instance_id")
    return encoding.text(fields["instance_id"], "instance_id")
