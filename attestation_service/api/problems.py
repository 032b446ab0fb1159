# SPDX-License-Identifier: Apache-2.0
"""The only place where a refusal or a failure becomes an HTTP answer.

A refusal carries a code of ``wire.codes``; its status is in one table.  What
is not a refusal is our own failure: 500 ``service.broken``, the traceback in
the log and nothing of it in the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flask
from oslo_log import log as logging
from oslo_middleware import request_id
from werkzeug import exceptions
from werkzeug.wrappers import Response

from attestation_service.core import errors
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.encoding import WireError

LOG = logging.getLogger(__name__)

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

STATUS: Mapping[Code, int] = {
    Code.EVIDENCE_MALFORMED: 400,
    Code.EVIDENCE_STALE: 409,
    Code.EVIDENCE_UNAUTHENTIC: 422,
    Code.EVIDENCE_UNENDORSED: 403,
    Code.EVIDENCE_TOO_LARGE: 413,
    Code.ATTESTER_UNKNOWN: 404,
    Code.ATTESTER_TAKEN: 409,
    Code.ATTESTER_PENDING: 403,
    Code.ATTESTER_RETIRED: 403,
    Code.ENROLMENT_FAILED: 403,
    Code.ENROLMENT_EXPIRED: 403,
    Code.RELEASE_NOT_AFFIRMING: 403,
    Code.RELEASE_WRONG_PLACE: 403,
    Code.RELEASE_WRONG_IMAGE: 403,
    Code.RELEASE_WRONG_PROJECT: 403,
    Code.RELEASE_EXPIRED: 403,
    Code.RELEASE_EXHAUSTED: 403,
    Code.RELEASE_NO_PROFILE: 403,
    Code.RELEASE_UNCONFIRMED: 503,
    Code.RELEASE_BAD_STATE: 409,
    Code.RELEASE_CLOSED: 403,
    Code.TOKEN_DEMANDED: 403,
    Code.TOKEN_UNKNOWN: 403,
    Code.TOKEN_SPENT: 403,
    Code.TOKEN_EXPIRED: 403,
    Code.TOKEN_MISMATCH: 403,
    Code.PROFILE_UNKNOWN: 404,
    Code.PROFILE_INVALID: 400,
    Code.PROFILE_TAKEN: 409,
    Code.REFERENCE_VALUES_UNKNOWN: 404,
    Code.REFERENCE_VALUES_TAKEN: 409,
    Code.KEY_UNKNOWN: 404,
    Code.KEY_CORRUPT: 503,
    Code.LAUNCH_UNKNOWN: 404,
    Code.RECEIPT_UNKNOWN: 404,
    Code.RELEASE_UNKNOWN: 404,
    Code.LOG_RANGE: 404,
    Code.REQUEST_INVALID: 400,
    Code.REQUEST_TOO_LARGE: 413,
    Code.REQUEST_CONFLICT: 409,
    Code.REQUEST_UNAUTHENTICATED: 401,
    Code.REQUEST_FORBIDDEN: 403,
    Code.REQUEST_NOT_FOUND: 404,
    Code.REQUEST_METHOD: 405,
    Code.REQUEST_VERSION: 406,
    Code.REQUEST_LIMIT: 429,
    Code.SERVICE_UNAVAILABLE: 503,
    Code.SERVICE_BROKEN: 500,
}

# Where the application keeps the methods of paths without a variable.
LITERAL_PATHS = "LITERAL_PATHS"
_RETRY = {429: "5", 503: "5"}
# What werkzeug itself refuses before a handler is found.
_HTTP = {404: Code.REQUEST_NOT_FOUND, 405: Code.REQUEST_METHOD,
         413: Code.REQUEST_TOO_LARGE}


class Unauthenticated(errors.Refusal):
    """No valid token came with the request."""

    code = Code.REQUEST_UNAUTHENTICATED


class TooLarge(errors.Refusal):
    """The body is larger than the route accepts."""

    code = Code.REQUEST_TOO_LARGE


def response(code: Code, detail: str, environ: Mapping[str, Any]
             ) -> Response:
    """Write a refusal.

    :raises KeyError: a code without a status is our own bug.
    """
    status = STATUS[code]
    body = encoding.canonical({"errors": [{
        "status": status, "code": str(code), "title": code.title_text,
        "detail": detail, "action": code.action,
        "request_id": environ.get(request_id.ENV_REQUEST_ID)}]})
    answer = Response(body, status, mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Keystone"
    if status in _RETRY:
        answer.headers["Retry-After"] = _RETRY[status]
    return answer


def register(app: flask.Flask) -> None:
    """Make ``app`` answer refusals through :func:`response`."""
    app.register_error_handler(errors.Refusal, _refused)
    app.register_error_handler(WireError, _not_in_form)
    app.register_error_handler(exceptions.HTTPException, _http)


def _refused(refusal: errors.Refusal) -> Response:
    LOG.info("%s %s refused: %s: %s", flask.request.method,
             flask.request.path, refusal.code, refusal)
    return response(refusal.code, str(refusal), flask.request.environ)


def _not_in_form(error: WireError) -> Response:
    return _refused(errors.Invalid(str(error)))


def _http(error: exceptions.HTTPException) -> Response:
    code = _HTTP.get(error.code or 0, Code.REQUEST_INVALID)
    answer = _refused(errors.Refusal(code.title_text, code))
    allowed = flask.current_app.config[LITERAL_PATHS].get(
        flask.request.path, getattr(error, "valid_methods", None))
    if error.code == 405 and allowed:
        answer.headers["Allow"] = ", ".join(sorted(allowed))
    return answer


class LastResort:
    """The outermost layer: whatever comes out of the others is a 500."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any],
                 start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the application; turn any exception into an answer."""
        try:
            return self._app(environ, start_response)
        except Exception:
            LOG.exception("%s %s failed", environ.get("REQUEST_METHOD"),
                          environ.get("PATH_INFO"))
            broken = response(Code.SERVICE_BROKEN,
                              "see the service's log under this request id",
                              environ)
            return broken(environ, start_response)
