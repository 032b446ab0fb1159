# SPDX-License-Identifier: Apache-2.0
"""Ask Nova where an instance is, and where it is moving to.

Nova is not trusted with keys: what it says can only take a release away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from keystoneauth1 import session as ksa_session
from novaclient import api_versions, client
from novaclient import exceptions as nova
from oslo_config import cfg

from attestation_service import records as r
from attestation_service.cloud import sessions
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code

GROUP = "nova"
# Migrations by instance with UUIDs; hypervisors by exact service host.
_VERSION = "2.80"
# A migration in one of these moves nothing any more.
_ENDED = frozenset({"completed", "confirmed", "done", "reverted", "cancelled",
                    "error", "failed"})
_HOST = "OS-EXT-SRV-ATTR:host"
_STATE = "OS-EXT-STS:vm_state"
_FAILED = (nova.ClientException, sessions.FAILED)


class NovaInstances:
    """See :class:`attestation_service.ports.Instances`.

    ``options`` are those of an adapter: region_name, interface,
    endpoint_override, and so on.
    """

    def __init__(self, session: ksa_session.Session, **options: Any) -> None:
        self._nova = client.Client(
            api_versions.APIVersion(_VERSION), session=session, **options)

    def locate(self, instance_id: str) -> r.Whereabouts | None:
        """Return what Nova says, or None: it knows no such instance."""
        try:
            server = self._nova.servers.get(instance_id).to_dict()
            moves = self._nova.migrations.list(instance_uuid=instance_id)
        except nova.NotFound:
            return None
        except _FAILED as exc:
            raise _unconfirmed("Nova does not answer") from exc
        try:
            return _whereabouts(server, [m.to_dict() for m in moves])
        except (KeyError, TypeError, AttributeError) as exc:
            raise _unconfirmed(
                "Nova does not tell hosts of instances to this service's "
                "user: it needs the role that Nova's policy asks for") from exc

    def nodes(self, host: str) -> Sequence[str]:
        """Return the hypervisors of a nova-compute service.

        :raises Unavailable: Nova does not answer.
        """
        try:
            found = self._nova.hypervisors.list(detailed=True)
            return [node.hypervisor_hostname for node in found
                    if node.service["host"] == host]
        except _FAILED as exc:
            raise errors.Unavailable("Nova does not answer") from exc


def from_conf(conf: cfg.ConfigOpts) -> NovaInstances:
    """Return the Nova that ``[nova]`` names."""
    options = conf[GROUP]
    interfaces = options.valid_interfaces or ["internal", "public"]
    return NovaInstances(
        sessions.session(conf, GROUP), service_type=options.service_type,
        service_name=options.service_name, region_name=options.region_name,
        endpoint_type=interfaces, endpoint_override=options.endpoint_override)


def _whereabouts(server: dict[str, Any],
                 moves: Iterable[dict[str, Any]]) -> r.Whereabouts:
    hosts = {server[_HOST]}
    for move in moves:
        if move["status"] not in _ENDED:
            hosts.add(move["dest_compute"])
            if move["status"] == "reverting":
                hosts.add(move["source_compute"])
    # Booted from a volume, an instance has "" for an image.
    image = server["image"] or {"id": None}
    return r.Whereabouts(
        server["id"], server["tenant_id"], image["id"],
        frozenset(host for host in hosts if host),
        deleted=server[_STATE] == "deleted" or server["status"] == "DELETED")


def _unconfirmed(why: str) -> errors.Unavailable:
    return errors.Unavailable(why, Code.RELEASE_UNCONFIRMED)
