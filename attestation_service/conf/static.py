# SPDX-License-Identifier: Apache-2.0
"""Options of the development mode with static tokens."""

from __future__ import annotations

import copy

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "static_tokens", title="Static tokens",
    help="Development mode without Keystone; see [api] auth_strategy.")

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "file", default="/etc/attestation-service/static-tokens.json",
        help="JSON file with a list of objects: token, user_id, and "
             "optionally user_name, project_id, roles (list), system "
             "(true for system scope). It must be readable by its owner "
             "only, or the service does not start."),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group and its options."""
    return [(GROUP, OPTS)]
