# SPDX-License-Identifier: Apache-2.0
"""What a route is, and what its handler gets.

A route names its policy rule; there is no way to make one without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oslo_context import context as oslo_context

from attestation_service.api.paging import Wanted
from attestation_service.api.schemas import parameters
from attestation_service.api.schemas.types import Schema
from attestation_service.api.services import Services
from attestation_service.flows.assembly import Flows
from attestation_service.records import Time

_VARIABLE = re.compile(r"\{(\w+)\}")
Answer = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Call:
    """One authorised request with validated parameters and body."""

    services: Services
    context: oslo_context.RequestContext
    noun: str
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any
    wanted: Wanted
    now: Time
    url: str

    @property
    def flows(self) -> Flows:
        """The stories this service knows."""
        return self.services.flows

    @property
    def user_id(self) -> str:
        """The caller; empty when nobody is known."""
        return self.context.user_id or ""

    @property
    def own_project(self) -> str:
        """The project of the caller's token; empty without one."""
        return self.context.project_id or ""

    @property
    def project(self) -> str | None:
        """The project whose resources the caller sees; None: all."""
        return self.services.access.visible_project(self.noun, self.context)


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    ``rule`` is a policy name without its ``trusted_launch:``; ``body`` and
    ``answer`` are schema names (None: no body); ``demands`` are the parameters
    of ``query`` that must be there; ``size`` names the option of [limits]
    that bounds the body.
    """

    method: str
    path: str
    handler: Callable[[Call], Answer]
    rule: str
    body: str | None = None
    answer: str | None = None
    status: int = 200
    query: Mapping[str, Schema] = field(default_factory=dict)
    demands: tuple[str, ...] = ()
    size: str = "body"
    body_optional: bool = False

    @property
    def noun(self) -> str:
        """The resource, as in policy names."""
        return self.rule.partition(":")[0]

    @property
    def policy(self) -> str:
        """The full name of the policy rule."""
        return f"trusted_launch:{self.rule}"

    @property
    def name(self) -> str:
        """A unique name, the operation id of the API document."""
        module = self.handler.__module__.rpartition(".")[2]
        return f"{module}_{self.handler.__name__}"

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").partition("\n")[0]

    @property
    def variables(self) -> tuple[str, ...]:
        """The names in the path's braces."""
        return tuple(_VARIABLE.findall(self.path))

    @property
    def werkzeug_path(self) -> str:
        """The path as werkzeug writes it."""
        return _VARIABLE.sub(r"<\1>", self.path)


def query(*names: str) -> dict[str, Schema]:
    """Return the schemas of these query parameters."""
    return {name: parameters.QUERY[name] for name in names}
