# SPDX-License-Identifier: Apache-2.0
"""The attestation service over Tempest's REST client.

In: Tempest's credentials.  Out: the methods of
:class:`~nova_trusted_launch.client.api.TrustedLaunchClient`, with its
exceptions; and :meth:`HostAttestationClient.ask`, which says what the service
answered to any request, right or wrong.

Connections, the catalogue and tokens are Tempest's; bodies are not logged,
since they may hold keys.
"""

from __future__ import annotations

import io
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from tempest.lib.common import rest_client

from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.client.http import MICROVERSION, SERVICE_TYPE

VERSION_HEADER = "OpenStack-API-Version"
_JSON = {"Accept": "application/json", "Content-Type": "application/json",
         VERSION_HEADER: f"{SERVICE_TYPE} {MICROVERSION}"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers, the JSON value if any."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of a refusal; empty for anything else."""
        if self.status < 400 or not isinstance(self.body, dict):
            return ""
        return self.body["errors"][0]["code"]


class HostAttestationClient(rest_client.RestClient, TrustedLaunchClient):
    """One account's access to the service."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("follow_redirects", False)
        rest_client.RestClient.__init__(self, *args, **options)
        TrustedLaunchClient.__init__(self, _Adapter(self))

    def ask(self, method: str, path: str, body: Any = None, *,
            anonymous: bool = False, headers: Mapping[str, str] | None = None
            ) -> Answer:
        """Send any request; return any answer.

        ``anonymous`` leaves out the token.
        """
        status, shown, data = self.exchange(
            method, path, None if body is None else json.dumps(body).encode(),
            {**_JSON, **(headers or {})}, anonymous=anonymous)
        return Answer(status, shown, json.loads(data) if data else None)

    def exchange(self, method: str, path: str, body: bytes | None,
                 headers: Mapping[str, str], *, anonymous: bool = False
                 ) -> tuple[int, Mapping[str, str], bytes]:
        """Do one exchange as bytes."""
        url, sent, data = self.auth_provider.auth_request(
            method, path, dict(headers), body, self.filters)
        if anonymous:
            sent = {name: value for name, value in sent.items()
                    if name.lower() != "x-auth-token"}
        response, answer = self.raw_request(
            url, method, headers=sent, body=data,
            log_req_body="(may hold a key)")
        return response.status, response, answer


class _Adapter:
    """As much of a keystoneauth1 adapter as our client uses."""

    def __init__(self, rest: HostAttestationClient) -> None:
        self._rest = rest

    def request(self, path: str, method: str, *, data: bytes | None,
                headers: Mapping[str, str], params: Mapping[str, Any],
                **_options: Any) -> requests.Response:
        """Do one exchange; return it as requests would."""
        query = urllib.parse.urlencode(params)
        status, shown, answer = self._rest.exchange(
            method, f"{path}?{query}" if query else path, data, headers)
        response = requests.Response()
        response.status_code = status
        response.headers.update(shown)
        response.raw = io.BytesIO(answer)
        return response
