# SPDX-License-Identifier: Apache-2.0
"""A table of a few routes, and how they are asked."""

from __future__ import annotations

from attestation_service.api.routing import Route, query
from attestation_service.core import errors

MEMBER = "member"
TOKENS = {
    "admin": {"user_id": "u-admin", "project_id": "p0", "roles": ["admin"]},
    "member": {"user_id": "u-one", "project_id": "p1", "roles": ["member"]},
    "agent": {"user_id": "u-agent", "project_id": "ps",
              "roles": ["service"]},
    "operator": {"user_id": "u-op", "system": True, "roles": ["reader"]},
}


def seen(call):
    """Show what a handler gets."""
    return {"query": dict(call.query), "path": dict(call.path),
            "body": call.body, "project": call.project,
            "user": call.user_id}


def made(call):
    """Show what a handler gets."""
    return seen(call)


def shown(call):
    """Show what a handler gets."""
    return seen(call)


def broken(call):
    """Fail with a secret in the text."""
    raise RuntimeError("the secret is 42")


def down(call):
    """Refuse as a lost database does."""
    raise errors.Unavailable("the database does not answer")


ROUTES = (
    Route("GET", "/v1/keys", seen, "keys:list", answer="Keys",
          query=query("limit", "marker")),
    Route("POST", "/v1/keys", made, "keys:create", "ChallengeRequest",
          "Key", 201),
    Route("GET", "/v1/keys/{key}", shown, "keys:show", answer="Key"),
    Route("GET", "/v1/profiles", broken, "profiles:list", answer="Key"),
    Route("GET", "/v1/launches", down, "launches:list", answer="Key"),
)


def ask(client, method, path, token=MEMBER, **more):
    headers = {"X-Auth-Token": token} if token else {}
    return client.open(path, method=method,
                       headers={**headers, **more.pop("headers", {})},
                       environ_base={"REMOTE_ADDR": "127.0.0.1"}, **more)


def code(response):
    (error,) = response.json["errors"]
    assert error["status"] == response.status_code
    assert set(error) == {"status", "code", "title", "detail", "action",
                          "request_id"}
    assert error["request_id"] == response.headers["x-openstack-request-id"]
    return response.status_code, error["code"]
