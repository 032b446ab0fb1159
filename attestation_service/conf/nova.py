# SPDX-License-Identifier: Apache-2.0
"""Options of the service's access to Nova (keystoneauth)."""

from __future__ import annotations

from oslo_config import cfg

from attestation_service.conf import peers

GROUP = cfg.OptGroup(
    "nova", title="Nova",
    help="The account that asks Nova where an instance is before a key is "
         "released. Without auth_type nothing is ever released. It needs to "
         "see hosts of servers, migrations and hypervisors: role admin, or "
         "service where Nova's policy allows that.")


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    peers.register(conf, GROUP, "compute")


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group for the sample generator."""
    return peers.listed(GROUP)
