# SPDX-License-Identifier: Apache-2.0
"""The WSGI layers around the application, outermost first.

1. a request id for everything that follows, also for failures;
2. the last resort: any exception becomes 500 ``service.broken``;
3. small bodies are read, whatever the answer will be;
4. development mode only: nobody but this machine;
5. the proxy's word on client and scheme, when configured;
6. /healthcheck and /metrics beside the API;
7. tokens.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from oslo_config import cfg
from oslo_middleware import healthcheck, http_proxy_to_wsgi, request_id
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from attestation_service.api import problems
from attestation_service.api.auth import (
    Identity,
    KeystoneTokens,
    LoopbackOnly,
    StaticTokens,
)
from attestation_service.api.metrics import Metrics
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code


# Bytes; a refused body that is larger may cost the client its answer.
_READ_AHEAD = 1 << 20


class ReadAhead:
    """Read a small body before anybody decides on the request.

    A server that answers and closes while the body still arrives makes a
    proxy in front of it (Apache before uWSGI) tell the client 503 in place
    of the refusal.
    """

    def __init__(self, app: problems.WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any],
                 start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on with its body in memory."""
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isascii() and length.isdigit() and (
                0 < int(length) <= _READ_AHEAD):
            environ["wsgi.input"] = io.BytesIO(
                environ["wsgi.input"].read(int(length)))
        return self._app(environ, start_response)


class Health:
    """oslo.middleware's health check, which also wants the database."""

    def __init__(self, conf: cfg.ConfigOpts,
                 ask_store: Callable[[], object]) -> None:
        self._check = healthcheck.Healthcheck(_not_for_you, conf)
        self._ask_store = ask_store

    def __call__(self, environ: dict[str, Any],
                 start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer 200 when the service can work, 503 when it can not."""
        try:
            self._ask_store()
        except errors.Unavailable as refusal:
            answer = problems.response(Code.SERVICE_UNAVAILABLE,
                                       str(refusal), environ)
            return answer(environ, start_response)
        return self._check(environ, start_response)


def _not_for_you(environ: dict[str, Any],
                 start_response: Callable[..., Any]) -> Iterable[bytes]:
    """What [healthcheck] hides from a caller is not there."""
    answer = problems.response(Code.REQUEST_NOT_FOUND, "no such resource",
                               environ)
    return answer(environ, start_response)


def build(app: problems.WsgiApp, conf: cfg.ConfigOpts, metrics: Metrics,
          ask_store: Callable[[], object],
          tokens: Mapping[bytes, Identity] | None) -> problems.WsgiApp:
    """Put the layers around ``app``.

    ``tokens`` are the static ones; None: Keystone's.
    """
    authenticated: problems.WsgiApp
    if tokens is None:
        authenticated = KeystoneTokens(app, {
            "oslo_config_config": conf, "delay_auth_decision": True})
    else:
        authenticated = StaticTokens(app, tokens)
    wsgi: Any = DispatcherMiddleware(authenticated, {
        "/healthcheck": Health(conf, ask_store),
        "/metrics": LoopbackOnly(metrics.app(), conf.api.metrics_networks)})
    conf.register_opts(http_proxy_to_wsgi.OPTS, group="oslo_middleware")
    if conf.oslo_middleware.enable_proxy_headers_parsing:
        wsgi = http_proxy_to_wsgi.HTTPProxyToWSGI(wsgi, conf)
    if tokens is not None:
        wsgi = LoopbackOnly(wsgi)
    return request_id.RequestId(
        problems.LastResort(ReadAhead(wsgi)), conf)
