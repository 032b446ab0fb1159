# SPDX-License-Identifier: Apache-2.0
"""What the service asks of Nova and Keystone, as HTTP: a WSGI application.

Answers as Nova's API does: microversions, ``404`` for what is not there,
hosts shown to administrators only, one page of migrations by instance.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from keystoneauth1 import fixture
from werkzeug.exceptions import HTTPException, NotFound, Unauthorized
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

_MAX = (2, 96)
_URLS = Map([
    Rule("/identity/v3", endpoint="versions", strict_slashes=False),
    Rule("/identity/v3/auth/tokens", endpoint="token", methods=["POST"]),
    Rule("/compute/v2.1/servers/<name>", endpoint="server"),
    Rule("/compute/v2.1/os-migrations", endpoint="migrations"),
    Rule("/compute/v2.1/os-hypervisors/detail", endpoint="hypervisors"),
])


class NovaApi:
    """Tell it what there is with :meth:`server` and :meth:`move`.

    ``broken`` makes every answer of Nova that status; ``admin`` False hides
    what only an administrator sees.
    """

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.servers: dict[str, dict[str, Any]] = {}
        self.moves: list[dict[str, Any]] = []
        self.nodes: dict[str, str] = {}
        self.broken: int | None = None
        self.admin = True
        self.asked: list[str] = []

    def server(self, name: str, host: str | None, *, image: str | None,
               state: str = "active", project: str = "project-1") -> None:
        """Put a server on a host."""
        self.servers[name] = {
            "id": name, "tenant_id": project, "status": state.upper(),
            "image": {"id": image, "links": []} if image else "",
            "OS-EXT-SRV-ATTR:host": host,
            "OS-EXT-STS:vm_state": state, "OS-EXT-STS:task_state": None}

    def move(self, name: str, source: str, dest: str | None,
             status: str) -> None:
        """Begin, go on with or end a migration."""
        self.moves.append({
            "id": len(self.moves), "uuid": f"move-{len(self.moves)}",
            "instance_uuid": name, "source_compute": source,
            "dest_compute": dest, "status": status})

    def __call__(self, environ: dict[str, Any],
                 start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        self.asked.append(f"{request.method} {request.path}")
        try:
            endpoint, arguments = _URLS.bind_to_environ(environ).match()
            response = getattr(self, f"_{endpoint}")(request, **arguments)
        except HTTPException as exc:
            response = exc.get_response(environ)
        return response(environ, start_response)

    def _versions(self, request: Request) -> Response:
        return _json({"version": fixture.V3Discovery(
            f"{self.url}/identity/v3")})

    def _token(self, request: Request) -> Response:
        password = request.json["auth"]["identity"]["password"]["user"]
        if password["password"] != "secret":
            raise Unauthorized
        token = fixture.V3Token(project_id="p-service", user_id="u-service")
        token.set_project_scope(id="p-service")
        for kind, path in (("compute", "/compute/v2.1"),
                           ("placement", "/placement")):
            service = token.add_service(kind)
            service.add_standard_endpoints(
                region="one", internal=self.url + path)
        return _json(token, 201, {"X-Subject-Token": "the-token"})

    def _server(self, request: Request, name: str) -> Response:
        self._admit(request)
        if name not in self.servers:
            raise NotFound
        found = dict(self.servers[name])
        if not self.admin:
            del found["OS-EXT-SRV-ATTR:host"]
        return _json({"server": found})

    def _migrations(self, request: Request) -> Response:
        self._admit(request)
        if not self.admin:
            return Response(status=403)
        wanted = request.args["instance_uuid"]
        return _json({"migrations": [
            m for m in self.moves if m["instance_uuid"] == wanted]})

    def _hypervisors(self, request: Request) -> Response:
        self._admit(request)
        return _json({"hypervisors": [
            {"id": number, "hypervisor_hostname": node,
             "service": {"host": host, "id": number, "disabled_reason": None}}
            for number, (node, host) in enumerate(self.nodes.items())]})

    def _admit(self, request: Request) -> None:
        if request.headers.get("X-Auth-Token") != "the-token":
            raise Unauthorized
        if self.broken is not None:
            raise _Broken(response=Response(status=self.broken))
        asked = request.headers["OpenStack-API-Version"].split()
        assert asked[0] == "compute"
        assert tuple(map(int, asked[1].split("."))) <= _MAX


class _Broken(HTTPException):
    code = 500


def _json(value: Any, status: int = 200,
          headers: dict[str, str] | None = None) -> Response:
    response = Response(status=status, headers=headers)
    response.mimetype = "application/json"
    response.data = json.dumps(value)
    return response
