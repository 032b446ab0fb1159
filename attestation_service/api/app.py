# SPDX-License-Identifier: Apache-2.0
"""Make the Flask application from the table of routes.

In: untrusted HTTP requests.  Out: calls of handlers with an authorised
caller, a bounded, strict and schema-valid body and known parameters; every
other request is refused here, in that order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import flask
from flask import sessions
from oslo_context import context
from werkzeug import exceptions
from werkzeug.wrappers import Response

from attestation_service.api import auth, microversion, problems
from attestation_service.api.routing import Call, Route
from attestation_service.api.schemas import Body, Parameter, parameters
from attestation_service.api.services import Services
from attestation_service.core import errors
from nova_trusted_launch.wire import encoding

_JSON = "application/json"
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def create_app(services: Services, routes: Sequence[Route]) -> flask.Flask:
    """Return an application that serves ``routes``."""
    app = flask.Flask("attestation_service", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.session_interface = _NoSession()
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    problems.register(app)
    for route in routes:
        app.add_url_rule(
            route.werkzeug_path, route.name, Endpoint(route, services),
            methods=[route.method], provide_automatic_options=False)
    _reserve(app, routes)
    app.before_request(_begin)
    app.after_request(_finisher(services))
    return app


def _reserve(app: flask.Flask, routes: Iterable[Route]) -> None:
    """Keep /v1/attesters/attest from being a host's name with GET."""
    served: dict[str, set[str]] = {}
    for route in routes:
        if not route.variables:
            served.setdefault(route.path, set()).add(route.method)
            served[route.path].update({"HEAD"} if route.method == "GET"
                                      else ())
    app.config[problems.LITERAL_PATHS] = served
    for path, methods in served.items():
        app.add_url_rule(path, f"other methods of {path}", _no_such_method,
                         methods=sorted(_METHODS - methods),
                         provide_automatic_options=False)


def _no_such_method() -> Response:
    raise exceptions.MethodNotAllowed


class Endpoint:
    """One route, ready to be called by Flask."""

    def __init__(self, route: Route, services: Services) -> None:
        self._route = route
        self._services = services
        self._limit = services.sizes[route.size]
        self._body = None if route.body is None else Body(route.body)
        self._path = [Parameter(n, parameters.PATH[n])
                      for n in route.variables]
        self._query = {n: Parameter(n, schema)
                       for n, schema in route.query.items()}

    def __call__(self, **path: str) -> Response:
        """Authorise, read and validate the request; call the handler."""
        request = flask.request
        flask.g.version = microversion.negotiate(
            dict(request.headers))
        caller = auth.context_of(request.environ)
        self._services.access.authorize(self._route.policy, caller)
        return _answer(self._route, self._route.handler(
            self._read(request, caller, path)))

    def _read(self, request: flask.Request,
              caller: context.RequestContext, path: Mapping[str, str]
              ) -> Call:
        query = self._read_query(request)
        return Call(
            services=self._services, context=caller, noun=self._route.noun,
            path={p.name: p.read(path[p.name]) for p in self._path},
            query=query, body=self._read_body(request),
            wanted=self._services.paging.wanted(query),
            now=self._services.clock(), url=request.url_root.rstrip("/"))

    def _read_query(self, request: flask.Request) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, texts in request.args.lists():
            if name not in self._query:
                raise errors.Invalid(f"unknown query parameter {name!r:.80}")
            if len(texts) != 1:
                raise errors.Invalid(f"{name}: given more than once")
            values[name] = self._query[name].read(texts[0])
        for name in self._route.demands:
            if name not in values:
                raise errors.Invalid(f"{name} is missing")
        return values

    def _read_body(self, request: flask.Request) -> Any:
        data = _bounded(request, self._limit if self._body else 0)
        if self._body is None or (self._route.body_optional and not data):
            return None
        if request.mimetype != _JSON:
            raise errors.Invalid(f"Content-Type: must be {_JSON}")
        value = encoding.loads(data, max_size=self._limit)
        self._body.validate(value)
        return value


def _bounded(request: flask.Request, limit: int) -> bytes:
    if (request.content_length or 0) > limit:
        raise problems.TooLarge(f"the body has more than {limit} bytes")
    # One more than the limit: werkzeug cuts a body of unknown length there
    # and says nothing.
    request.max_content_length = limit + 1
    data = request.get_data(cache=False)
    if len(data) > limit:
        raise problems.TooLarge(f"the body has more than {limit} bytes")
    return data


def _answer(route: Route, answer: Mapping[str, Any] | None) -> Response:
    if answer is None:
        return Response(status=route.status)
    return Response(encoding.canonical(answer), route.status, mimetype=_JSON)


class _NoSession(sessions.SessionInterface):
    """Nobody has a cookie here."""

    def open_session(self, app: flask.Flask, request: flask.Request
                     ) -> sessions.NullSession:
        return sessions.NullSession()


def _begin() -> None:
    flask.g.started = time.perf_counter()


def _finisher(services: Services) -> Callable[[Response], Response]:
    def finish(response: Response) -> Response:
        rule = flask.request.url_rule
        services.metrics.request(
            flask.request.method, "" if rule is None else rule.rule,
            response.status_code, time.perf_counter() - flask.g.started)
        version = flask.g.get("version", str(microversion.MINIMUM))
        response.headers[microversion.HEADER] = microversion.header(version)
        response.headers["Vary"] = microversion.HEADER
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
    return finish
