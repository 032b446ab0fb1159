# SPDX-License-Identifier: Apache-2.0
"""Options of the service's access to Placement (keystoneauth)."""

from __future__ import annotations

from oslo_config import cfg

from attestation_service.conf import peers

GROUP = cfg.OptGroup(
    "placement", title="Placement",
    help="The account that publishes traits of trusted hosts. Without "
         "auth_type none are published, and the scheduler filter works "
         "without that hint.")


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    peers.register(conf, GROUP, "placement")


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group for the sample generator."""
    return peers.listed(GROUP)
