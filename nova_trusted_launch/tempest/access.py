# SPDX-License-Identifier: Apache-2.0
"""Who may do what by default: every operation of the API, once.

A request here names nothing that exists and carries a body that no operation
takes, so whoever is let in is told so and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

ADMIN, MEMBER, READER = "admin", "member", "reader"
SYSTEM_READER, SERVICE, NOBODY = "system reader", "service", "nobody"
# Nobody: a request without a token.
PERSONAS = frozenset({ADMIN, MEMBER, READER, SYSTEM_READER, SERVICE, NOBODY})
AUTHENTICATED = PERSONAS - {NOBODY}

_ADMIN = frozenset({ADMIN})
_SERVICE = frozenset({SERVICE})
_LOOK = _ADMIN | {SYSTEM_READER}
_PROJECT_READ = frozenset({ADMIN, MEMBER, READER})
_PROJECT_WRITE = frozenset({ADMIN, MEMBER})

# What stands for the names in a path; "index" and "version" are numbers.
ABSENT = "00000000-aaaa-4bbb-8ccc-tempest00000"
_NUMBER = "900000000"
NO_BODY_OF_OURS = {"no such field": True}


@dataclass(frozen=True, slots=True)
class Operation:
    """A method and a path, as in the API document, and who may."""

    method: str
    path: str
    allowed: frozenset[str]

    @property
    def url(self) -> str:
        """The path with names of nothing, and what it demands."""
        filled = "/".join(_fill(part) for part in self.path.split("/"))
        return filled + _DEMANDED.get(self.path, "")

    @property
    def body(self) -> object:
        """A body that is refused, for methods that have one."""
        return (NO_BODY_OF_OURS if self.method in {"POST", "PATCH"}
                else None)


_DEMANDED = {
    "/v1/log/inclusion": f"?index=0&size={_NUMBER}",
    "/v1/log/consistency": f"?first=0&second={_NUMBER}",
}


def _fill(part: str) -> str:
    if not part.startswith("{"):
        return part
    return _NUMBER if part in {"{index}", "{version}"} else ABSENT


def _operations(allowed: frozenset[str], *lines: str) -> list[Operation]:
    return [Operation(*line.split(" "), allowed) for line in lines]


OPERATIONS = (
    *_operations(
        PERSONAS, "GET /", "GET /v1", "GET /openapi.json", "GET /v1/jwks"),
    *_operations(
        AUTHENTICATED, "GET /v1/profiles", "GET /v1/profiles/{profile}",
        "GET /v1/log/checkpoint", "GET /v1/log/inclusion",
        "GET /v1/log/consistency", "GET /v1/log/leaves"),
    *_operations(
        _SERVICE, "POST /v1/attesters", "POST /v1/attesters/activate",
        "POST /v1/challenges", "POST /v1/evidence", "POST /v1/releases",
        "POST /v1/releases/{release}/evidence"),
    *_operations(
        _SERVICE | _LOOK, "GET /v1/attesters", "GET /v1/attesters/{attester}",
        "GET /v1/results", "GET /v1/results/history/{attester}"),
    *_operations(
        _SERVICE | _ADMIN, "GET /v1/results/snapshot",
        "DELETE /v1/instances/{instance}"),
    *_operations(
        _LOOK, "GET /v1/attesters/{attester}/explain",
        "GET /v1/profiles/{profile}/versions",
        "GET /v1/profiles/{profile}/versions/{version}",
        "GET /v1/reference-values", "GET /v1/reference-values/{name}"),
    *_operations(
        _ADMIN, "PATCH /v1/attesters/{attester}",
        "DELETE /v1/attesters/{attester}",
        "POST /v1/attesters/{attester}/approve",
        "POST /v1/attesters/{attester}/attest", "POST /v1/attesters/attest",
        "GET /v1/attesters/{attester}/evidence",
        "GET /v1/attesters/{attester}/evidence/{evidence}",
        "POST /v1/profiles", "POST /v1/profiles/preview",
        "POST /v1/profiles/draft", "PATCH /v1/profiles/{profile}",
        "DELETE /v1/profiles/{profile}",
        "POST /v1/profiles/{profile}/versions", "POST /v1/reference-values",
        "DELETE /v1/reference-values/{name}"),
    *_operations(
        _PROJECT_WRITE, "POST /v1/keys", "DELETE /v1/keys/{key}",
        "POST /v1/launches", "DELETE /v1/launches/{launch}"),
    *_operations(
        _PROJECT_READ, "GET /v1/keys", "GET /v1/keys/{key}",
        "GET /v1/launches", "GET /v1/launches/{launch}", "GET /v1/releases",
        "GET /v1/releases/{release}", "GET /v1/receipts",
        "GET /v1/receipts/{index}"),
    *_operations(_PROJECT_READ | _SERVICE, "GET /v1/instances/{instance}"),
)
