# SPDX-License-Identifier: Apache-2.0
"""What the options of every OpenStack service that we ask have in common."""

from __future__ import annotations

import copy
import itertools

from keystoneauth1 import loading
from oslo_config import cfg


def register(conf: cfg.ConfigOpts, group: cfg.OptGroup,
             service_type: str) -> None:
    """Register keystoneauth's options in a group, with our defaults."""
    conf.register_group(copy.deepcopy(group))
    name = group.name
    loading.register_auth_conf_options(conf, name)
    loading.register_session_conf_options(conf, name)
    loading.register_adapter_conf_options(conf, name)
    conf.set_default("service_type", service_type, group=name)
    conf.set_default("valid_interfaces", ["internal", "public"], group=name)
    conf.set_default("timeout", 5, group=name)


def listed(group: cfg.OptGroup) -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return a group for the sample generator."""
    return [(group, list(itertools.chain(
        loading.get_auth_common_conf_options(),
        loading.get_auth_plugin_conf_options("password"),
        loading.get_session_conf_options(),
        loading.get_adapter_conf_options(include_deprecated=False))))]
