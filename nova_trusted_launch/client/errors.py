# SPDX-License-Identifier: Apache-2.0
"""What a client raises: the one place that turns HTTP back into refusals.

:class:`Unavailable` means nobody decided: down, slow, lying or broken.
:class:`Refused` means somebody decided, and says no.  To whoever wanted a yes
both are a no.
"""

from __future__ import annotations

from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.encoding import WireError


class ClientError(Exception):
    """The call did not do what was asked.

    ``code`` is a :class:`Code` when we know it, and else the service's own
    string; ``action`` is the advice that belongs to it.
    """

    def __init__(self, code: str, detail: str, *, action: str = "",
                 request_id: str = "") -> None:
        super().__init__(detail)
        self.code = known_code(code)
        self.detail = detail
        self.action = action or getattr(self.code, "action", "")
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.detail} ({self.code})"


class Unavailable(ClientError):
    """No decision was made, so it is not a yes."""

    def __init__(self, detail: str, *,
                 code: str = Code.SERVICE_UNAVAILABLE, action: str = "",
                 request_id: str = "") -> None:
        super().__init__(code, detail, action=action, request_id=request_id)


class Refused(ClientError):
    """Decided, and the answer is no."""


def known_code(code: str) -> str:
    """Return the :class:`Code` of that value, or the string itself."""
    try:
        return Code(code)  # type: ignore[call-arg]
    except ValueError:
        return code


def from_response(status: int, body: bytes, request_id: str) -> ClientError:
    """Return what an answer other than 2xx means.

    Without a body in our error format the answer comes from somebody else (a
    proxy, another service): nobody decided.
    """
    if 300 <= status < 400:
        return Unavailable("the service answers with a redirect, which is "
                           "not followed", request_id=request_id)
    try:
        error = _error(body)
    except WireError:
        return Unavailable(f"the service answers {status} without a reason",
                           request_id=request_id)
    kind: Any = Refused if 400 <= status < 500 else Unavailable
    fields = {"action": error.get("action", ""), "request_id": request_id}
    if kind is Refused:
        return Refused(error["code"], error["detail"], **fields)
    return Unavailable(error["detail"], code=error["code"], **fields)


def _error(body: bytes) -> dict[str, str]:
    value = encoding.loads(body, max_size=65536)
    errors = value.get("errors") if isinstance(value, dict) else None
    if not isinstance(errors, list) or not errors:
        raise WireError("not our error format")
    first = errors[0]
    if not isinstance(first, dict) or not all(
            isinstance(first.get(name), str) for name in ("code", "detail")):
        raise WireError("not our error format")
    return {name: text for name, text in first.items()
            if isinstance(text, str)}
