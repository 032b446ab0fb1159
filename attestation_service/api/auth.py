# SPDX-License-Identifier: Apache-2.0
"""Who calls, and whether policy lets her.

In: the WSGI environment as keystonemiddleware (or the static tokens of the
development mode) left it; both remove identity headers that a client sends.
Out: a request context, or a refusal.

Not decided here: whether a resource is of the caller's project; flows answer
"unknown" for foreign ones.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keystonemiddleware import auth_token
from oslo_context import context
from oslo_middleware import request_id
from oslo_policy import policy
from webob import exc

from attestation_service.api import problems
from attestation_service.core import errors
from attestation_service.policies import PUBLIC_RULES
from nova_trusted_launch.wire.codes import Code

_CONFIRMED = "Confirmed"
_AWAY = (auth_token.ksa_exceptions.ConnectFailure,
         auth_token.ksa_exceptions.DiscoveryFailure,
         auth_token.ksa_exceptions.RequestTimeout, auth_token.ServiceError)
_IDENTITY_HEADERS = (
    "HTTP_X_USER", "HTTP_X_PROJECT", "HTTP_X_TENANT", "HTTP_X_ROLE",
    "HTTP_X_DOMAIN", "HTTP_X_SERVICE", "HTTP_X_IDENTITY", "HTTP_X_IS_ADMIN",
    "HTTP_X_TOKEN", "HTTP_OPENSTACK_SYSTEM_SCOPE")
_IMPLIED = {"admin": ("member", "reader"), "member": ("reader",)}
# A project id that no resource has: somebody without a project.
NO_PROJECT = ""


def _forget_identity(environ: dict[str, Any]) -> None:
    for name in [n for n in environ if n.startswith(_IDENTITY_HEADERS)]:
        del environ[name]


def context_of(environ: dict[str, Any]) -> context.RequestContext:
    """Return the caller; without a confirmed identity she is nobody."""
    request = environ.get(request_id.ENV_REQUEST_ID)
    if environ.get("HTTP_X_IDENTITY_STATUS") != _CONFIRMED:
        return context.RequestContext(request_id=request)
    return context.RequestContext.from_environ(environ, request_id=request)


class Enforcer(policy.Enforcer):
    """oslo.policy's, which looks for changed files at most once a second.

    By itself it asks the file system at every request, ten times.
    """

    _interval = 1.0
    _looked = -_interval

    def load_rules(self, force_reload: bool = False) -> None:
        """Load what has changed."""
        now = time.monotonic()
        if force_reload or now - self._looked >= self._interval:
            super().load_rules(force_reload)
            self._looked = now


class Access:
    """Policy, asked in the one way that refuses when in doubt."""

    def __init__(self, enforcer: policy.Enforcer) -> None:
        self._enforcer = enforcer

    def allows(self, rule: str, caller: context.RequestContext) -> bool:
        """Tell whether ``rule`` lets the caller through."""
        if caller.user_id is None and rule not in PUBLIC_RULES:
            return False
        # Without a project the key is absent, and no check that needs it
        # can match.
        target = ({} if caller.project_id is None
                  else {"project_id": caller.project_id})
        try:
            return bool(self._enforcer.authorize(
                rule, target, caller, do_raise=True))
        except (policy.PolicyNotAuthorized, policy.InvalidScope):
            return False

    def authorize(self, rule: str, caller: context.RequestContext) -> None:
        """Return when ``rule`` lets the caller through.

        :raises Unauthenticated: nobody calls, and the rule is not public.
        :raises Forbidden: REQUEST_FORBIDDEN
        """
        if self.allows(rule, caller):
            return
        if caller.user_id is None:
            raise problems.Unauthenticated("the request has no valid token")
        raise errors.Forbidden(f"policy {rule} does not allow it",
                               Code.REQUEST_FORBIDDEN)

    def visible_project(self, noun: str, caller: context.RequestContext
                        ) -> str | None:
        """Return the project whose ``noun`` the caller sees; None: all."""
        if self.allows(f"trusted_launch:{noun}:all_projects", caller):
            return None
        return caller.project_id or NO_PROJECT


class KeystoneTokens(auth_token.AuthProtocol):
    """keystonemiddleware, stricter about headers, with our own 503.

    By itself it lets X-Roles and OpenStack-System-Scope of a client through
    where it sets none, and takes the scope of a service token for the user's.
    Nothing here needs service tokens, so they do not count.
    """

    def process_request(self, request: Any) -> Any:
        """Identify the caller, or refuse when Keystone does not answer."""
        _forget_identity(request.environ)
        try:
            return super().process_request(request)
        except exc.HTTPServiceUnavailable:
            return request.get_response(problems.response(
                Code.SERVICE_UNAVAILABLE, "Keystone does not answer",
                request.environ))

    def fetch_token(self, token: str, **how: Any) -> Any:
        """Ask Keystone (or the cache) about a token.

        Theirs calls every token invalid while Keystone is away, and clients
        would ask for a new one again and again.
        """
        try:
            return super().fetch_token(token, **how)
        except auth_token.InvalidToken as refusal:
            if isinstance(refusal.__context__, _AWAY):
                raise exc.HTTPServiceUnavailable from refusal
            raise

    def process_response(self, response: Any) -> Any:
        """Leave the answer alone.

        Theirs asks Keystone for its address at every 401 when none is
        configured, so strangers could make it work, or break us with it.
        """
        return response


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a static token stands for."""

    user_id: str
    user_name: str
    project_id: str | None
    roles: tuple[str, ...]
    system: bool

    def headers(self) -> dict[str, str]:
        """Return what keystonemiddleware would set."""
        own = {"HTTP_X_IDENTITY_STATUS": _CONFIRMED,
               "HTTP_X_USER_ID": self.user_id,
               "HTTP_X_USER_NAME": self.user_name,
               "HTTP_X_ROLES": ",".join(self.roles)}
        if self.system:
            own["HTTP_OPENSTACK_SYSTEM_SCOPE"] = "all"
        if self.project_id is not None:
            own["HTTP_X_PROJECT_ID"] = self.project_id
        return own


def read_static_tokens(path: str) -> dict[bytes, Identity]:
    """Read the token file of the development mode.

    :raises ValueError: others may read it, or an entry is not valid.
    """
    with open(path, encoding="utf-8") as file:
        if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError(f"{path}: must be readable by its owner only")
        entries = json.load(file)
    return {digest_of(entry["token"]): identity_of(entry)
            for entry in entries}


def digest_of(token: str) -> bytes:
    """Return what a token is looked up by; its timing tells nothing."""
    return hashlib.sha256(token.encode()).digest()


def identity_of(entry: Mapping[str, Any]) -> Identity:
    """Read one entry; a role brings those that it implies in Keystone.

    :raises ValueError: it has neither a project nor system scope, or both.
    """
    system = entry.get("system") is True
    project = entry.get("project_id")
    if system == bool(project):
        raise ValueError("static token: either project_id or system")
    roles = [role for name in entry.get("roles", ())
             for role in (name, *_IMPLIED.get(name, ()))]
    return Identity(entry["user_id"], entry.get("user_name", "static"),
                    project, tuple(dict.fromkeys(roles)), system)


class StaticTokens:
    """The development mode's place in the pipeline of keystonemiddleware."""

    def __init__(self, app: problems.WsgiApp,
                 tokens: Mapping[bytes, Identity]) -> None:
        self._app = app
        self._tokens = tokens

    def __call__(self, environ: dict[str, Any],
                 start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Replace every identity header by those of the token."""
        _forget_identity(environ)
        digest = digest_of(environ.get("HTTP_X_AUTH_TOKEN", ""))
        if digest in self._tokens:
            environ.update(self._tokens[digest].headers())
        return self._app(environ, start_response)


class LoopbackOnly:
    """Refuse whoever is not on this machine (static tokens, metrics)."""

    def __init__(self, app: problems.WsgiApp,
                 networks: Iterable[str] = ("127.0.0.0/8", "::1/128")
                 ) -> None:
        self._app = app
        self._networks = [ipaddress.ip_network(n) for n in networks]

    def __call__(self, environ: dict[str, Any],
                 start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the application for a peer in the networks."""
        if self._from_inside(environ):
            return self._app(environ, start_response)
        refusal = problems.response(
            Code.REQUEST_FORBIDDEN, "not from this address", environ)
        return refusal(environ, start_response)

    def _from_inside(self, environ: Mapping[str, Any]) -> bool:
        # A proxy on this machine speaks for others.
        if "HTTP_X_FORWARDED_FOR" in environ or "HTTP_FORWARDED" in environ:
            return False
        try:
            peer = ipaddress.ip_address(environ.get("REMOTE_ADDR", ""))
        except ValueError:
            return False
        return any(peer in network for network in self._networks)
