# SPDX-License-Identifier: Apache-2.0
"""Sessions with Keystone, made from a group of the configuration."""

from __future__ import annotations

from keystoneauth1 import adapter, loading
from keystoneauth1 import exceptions as ksa
from keystoneauth1 import session as ksa_session
from oslo_config import cfg

FAILED = ksa.ClientException


def configured(conf: cfg.ConfigOpts, group: str) -> bool:
    """Tell whether the group says how to authenticate."""
    return bool(conf[group].auth_type or conf[group].auth_section)


def session(conf: cfg.ConfigOpts, group: str) -> ksa_session.Session:
    """Return a session; nothing is sent before its first use."""
    return loading.load_session_from_conf_options(
        conf, group,
        auth=loading.load_auth_from_conf_options(conf, group))


def make_adapter(conf: cfg.ConfigOpts, group: str) -> adapter.Adapter:
    """Return an adapter for the service that the group names."""
    return loading.load_adapter_from_conf_options(
        conf, group, session=session(conf, group))
