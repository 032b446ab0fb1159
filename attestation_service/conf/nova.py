# SPDX-License-Identifier: Apache-2.0
"""Options of the service's access to Nova (keystoneauth)."""

from __future__ import annotations

import copy
import itertools

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = cfg.OptGroup(
    "nova", title="Nova",
    help="The account that asks Nova where an instance is before a key is "
         "released. Without auth_type nothing is ever released. It needs to "
         "see hosts of servers, migrations and hypervisors: role admin, or "
         "service where Nova's policy allows that.")


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    name = GROUP.name
    loading.register_auth_conf_options(conf, name)
    loading.register_session_conf_options(conf, name)
    loading.register_adapter_conf_options(conf, name)
    conf.set_default("service_type", "compute", group=name)
    conf.set_default("valid_interfaces", ["internal", "public"], group=name)
    conf.set_default("timeout", 5, group=name)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group for the sample generator."""
    return [(GROUP, list(itertools.chain(
        loading.get_auth_common_conf_options(),
        loading.get_auth_plugin_conf_options("password"),
        loading.get_session_conf_options(),
        loading.get_adapter_conf_options(include_deprecated=False))))]
