# SPDX-License-Identifier: Apache-2.0
"""The service's HTTP API, one method per resource and verb."""

from __future__ import annotations

from typing import Any

from keystoneauth1 import adapter as keystone

from nova_trusted_launch.client.attesting import Attesting
from nova_trusted_launch.client.http import SERVICE_TYPE, Http
from nova_trusted_launch.client.operating import Operating
from nova_trusted_launch.client.tenancy import Tenancy


class TrustedLaunchClient(Attesting, Operating, Tenancy):
    """The attestation service, over a keystoneauth1 adapter.

    Lists return every entry, page after page, unless ``limit`` is given.
    Every method raises :class:`~nova_trusted_launch.client.errors.Refused`
    or :class:`~nova_trusted_launch.client.errors.Unavailable`, nothing else.
    """

    def __init__(self, adapter: Any, timeout: float = 60.0) -> None:
        self._http = Http(adapter, timeout)

    @classmethod
    def of_session(cls, session: Any, *, auth: Any = None,
                   interface: str | None = None,
                   region_name: str | None = None) -> TrustedLaunchClient:
        """Return a client of the cloud that a session is logged in to.

        ``auth`` is for sessions that do not log in themselves.
        """
        return cls(keystone.Adapter(
            session=session, auth=auth, service_type=SERVICE_TYPE,
            interface=interface, region_name=region_name))
