# SPDX-License-Identifier: Apache-2.0
"""The client with a user's own Keystone token, for dashboards.

In: the service's URL, as the user's catalogue says, and her token.  The
service sees her, not the dashboard, and decides what she may.
"""

from __future__ import annotations

from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import session
from keystoneauth1 import token_endpoint

from nova_trusted_launch.client import transport
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.client.http import SERVICE_TYPE


def from_token(url: str, token: str, *, verify: bool | str = True,
               timeout: float = 10.0) -> TrustedLaunchClient:
    """Make a client; nothing is contacted yet.

    ``verify`` is a CA file, or whether certificates are verified at all: what
    the dashboard does with every service.
    """
    made: Any = session.Session(
        auth=token_endpoint.Token(url, token), verify=verify,
        timeout=timeout, redirect=False)
    transport.watch(made.session)
    return TrustedLaunchClient(adapter.Adapter(
        session=made, service_type=SERVICE_TYPE, endpoint_override=url),
        timeout)
