# SPDX-License-Identifier: Apache-2.0
"""What the operators' pages have in common.

A service that is away is said on the page, in words and with what to do;
there is never a blank page and never an error page.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from django import http
from horizon import messages

from nova_trusted_launch.client import errors
from nova_trusted_launch.horizon import api


def now() -> datetime.datetime:
    """Return the time; a seam for tests."""
    return datetime.datetime.now(datetime.UTC)


class AskingMixin:
    """A view whose data come from the service."""

    problem: dict[str, Any] | None = None

    def ask(self, question: Callable[[Any], Any], otherwise: Any) -> Any:
        """Ask; remember why there is no answer.

        :raises Http404: the service knows no such thing.
        """
        try:
            return question(api.client(self.request))
        except errors.ClientError as exc:
            if api.not_found(exc):
                raise http.Http404(exc.detail) from exc
            self.problem = api.problem(exc)
            return otherwise

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the problem, once everything was asked."""
        context = super().get_context_data(**kwargs)
        context["problem"] = self.problem
        return context


def act(request: Any, deed: Callable[[Any], Any]) -> None:
    """Do what an action of a table does; a refusal is told, then raised.

    The table counts what raises as not done.
    """
    try:
        deed(api.client(request))
    except errors.ClientError as exc:
        messages.error(request, f"{exc} {exc.action}")
        raise
