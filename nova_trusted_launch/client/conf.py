# SPDX-License-Identifier: Apache-2.0
"""The client as services configure it: keystoneauth1 options in a group.

With ``auth_type = password`` the service's endpoint comes from Keystone's
catalogue (type ``host-attestation``); with ``auth_type = admin_token``,
``endpoint`` and ``token`` it is the development mode's static token.
"""

from __future__ import annotations

from typing import Any

from keystoneauth1 import exceptions
from keystoneauth1 import loading
from oslo_config import cfg

from nova_trusted_launch.client import errors
from nova_trusted_launch.client import transport
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.client.http import SERVICE_TYPE

GROUP = "attestation_service"
DEFAULT_TIMEOUT = 60.0
_DEFAULTS = {"service_type": SERVICE_TYPE,
             "valid_interfaces": ["internal", "public"]}


def options() -> list[cfg.Opt]:
    """Return session and adapter options with our defaults."""
    found = [*loading.get_session_conf_options(),
             *loading.get_adapter_conf_options(include_deprecated=False)]
    for option in found:
        if option.dest in _DEFAULTS:
            option.default = _DEFAULTS[option.dest]
    return found


def register_opts(conf: cfg.ConfigOpts, group: str = GROUP) -> None:
    """Register everything that :func:`from_conf` reads.

    An option that the group has already under the same name, such as a
    ``timeout`` with its own default, stays as it is.
    """
    for option in options():
        try:
            conf.register_opt(option, group=group)
        except cfg.DuplicateOptError:
            continue
    loading.register_auth_conf_options(conf, group)


def list_opts(group: str = GROUP) -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options for oslo.config's sample generator."""
    return [(group, [
        *options(), *loading.get_auth_common_conf_options(),
        *loading.get_auth_plugin_conf_options("password"),
        *loading.get_auth_plugin_conf_options("admin_token")])]


def from_conf(conf: cfg.ConfigOpts, group: str = GROUP
              ) -> TrustedLaunchClient:
    """Make a client; nothing is contacted yet.

    :raises Unavailable: the options contradict each other or name a plugin
        that does not exist.
    """
    register_opts(conf, group)
    timeout = float(conf[group].timeout or DEFAULT_TIMEOUT)
    try:
        auth = loading.load_auth_from_conf_options(conf, group)
        session = loading.load_session_from_conf_options(
            conf, group, auth=auth, timeout=timeout)
        adapter: Any = loading.load_adapter_from_conf_options(
            conf, group, session=session, auth=auth)
    except (exceptions.ClientException, TypeError, ValueError) as exc:
        raise errors.Unavailable(f"[{group}]: {exc}") from exc
    # Keystone's answers are not redirected either: a token goes with them.
    session.redirect = False
    transport.watch(session.session)
    return TrustedLaunchClient(adapter, timeout)
