# SPDX-License-Identifier: Apache-2.0
"""One HTTP exchange with the service: bounded, strict, without redirects.

In: a method, a path, a JSON body.  Out: a JSON value, or a
:class:`~nova_trusted_launch.client.errors.ClientError`.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from keystoneauth1 import exceptions

from nova_trusted_launch.client import errors
from nova_trusted_launch.client import transport
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.encoding import WireError

SERVICE_TYPE = "host-attestation"
MICROVERSION = "1.0"
MAX_ANSWER = 8 * 1024 * 1024
_HEADERS = {"OpenStack-API-Version": f"{SERVICE_TYPE} {MICROVERSION}",
            "Accept": "application/json"}
_CHUNK = 65536
_ABSENT = ("Check region and interface; ask the operator whether this cloud "
           "offers trusted launch.")


class Http:
    """The service over a keystoneauth1 adapter.

    ``timeout`` bounds one exchange from connecting to the last byte, when
    the adapter's session was made by ``client.conf``, and else each wait.
    """

    def __init__(self, adapter: Any, timeout: float = 60.0) -> None:
        self._adapter = adapter
        self._timeout = timeout

    def get(self, path: str, query: Mapping[str, Any] | None = None, *,
            most: int = MAX_ANSWER) -> Any:
        """GET a value."""
        return self.call("GET", path, query=query, most=most)

    def pages(self, path: str, noun: str,
              query: Mapping[str, Any]) -> Iterator[Any]:
        """Yield every entry of a list, page after page.

        With a ``limit`` in the query only that page.
        """
        query = dict(query)
        once = query.get("limit") is not None
        while True:
            answer = self.get(path, query)
            entries = member(answer, noun, list)
            yield from entries
            marker = answer.get("next")
            if once or marker is None:
                return
            if marker == query.get("marker") or not entries:
                raise errors.Unavailable("the service's list has no end")
            query["marker"] = marker

    def delete(self, path: str) -> None:
        """DELETE; only an answer without content means that it is gone."""
        if self.call("DELETE", path) is not None:
            raise errors.Unavailable("the service did not say that it is "
                                     "done")

    def call(self, method: str, path: str, body: Any = None, *,
             query: Mapping[str, Any] | None = None,
             most: int = MAX_ANSWER) -> Any:
        """Do one exchange; None for an answer without content.

        :raises Unavailable: no connection, no credentials, too slow, or the
            answer is not one of ours.
        :raises Refused: the service says no.
        """
        try:
            with transport.deadline(self._timeout):
                status, data, request_id = self._exchange(
                    method, path, body, query, most)
        except exceptions.EndpointNotFound as exc:
            raise errors.Unavailable(
                f"the cloud's catalogue has no {SERVICE_TYPE} service here: "
                f"{exc}", action=_ABSENT) from exc
        except exceptions.ClientException as exc:
            raise errors.Unavailable(
                f"the service cannot be reached: {exc}") from exc
        except (requests.RequestException, OSError) as exc:
            raise errors.Unavailable(
                f"the service's answer was cut off: {exc}") from exc
        if not 200 <= status < 300:
            raise errors.from_response(status, data, request_id)
        if status == 204:
            return None
        try:
            return encoding.loads(data, max_size=most)
        except WireError as exc:
            raise errors.Unavailable(
                "the service's answer is not strict JSON",
                request_id=request_id) from exc

    def _exchange(self, method: str, path: str, body: Any,
                  query: Mapping[str, Any] | None, most: int
                  ) -> tuple[int, bytes, str]:
        headers = dict(_HEADERS)
        data = None
        if body is not None:
            data = encoding.canonical(body)
            headers["Content-Type"] = "application/json"
        # Neither bodies nor headers are logged: they hold sealed keys,
        # nonces and tokens.
        response = self._adapter.request(
            path, method, data=data, headers=headers, params=_query(query),
            redirect=False, raise_exc=False, log=False, stream=True,
            timeout=self._timeout)
        with response:
            return (response.status_code, _read(response, most),
                    response.headers.get("X-OpenStack-Request-ID", ""))


def member(value: Any, name: str, kind: type) -> Any:
    """Return a member of the service's answer.

    :raises Unavailable: it is missing or of another type.
    """
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        raise errors.Unavailable(f"the service's answer has no {name}")
    return found


def resource(*parts: object) -> str:
    """Join path segments below ``/v1``; nothing in one can leave it.

    :raises Refused: a segment that names no resource.
    """
    if any(str(part) in {"", ".", ".."} for part in parts):
        raise errors.Refused(Code.REQUEST_NOT_FOUND, "not a name or an id")
    return "/v1/" + "/".join(
        urllib.parse.quote(str(part), safe="") for part in parts)


def _query(query: Mapping[str, Any] | None) -> dict[str, Any]:
    return {k: v for k, v in (query or {}).items() if v is not None}


def _read(response: requests.Response, most: int) -> bytes:
    data = bytearray()
    for chunk in response.iter_content(_CHUNK):
        data += chunk
        if len(data) > most:
            raise errors.Unavailable(
                f"the service's answer is larger than {most} bytes")
    return bytes(data)
