# SPDX-License-Identifier: Apache-2.0
"""What Tempest asks of a plugin: its tests, options and clients."""

from __future__ import annotations

import pathlib
from typing import Any

from oslo_config import cfg
from tempest import config as tempest_config
from tempest.test_discover import plugins

from nova_trusted_launch.tempest import config

_HERE = pathlib.Path(__file__).resolve().parent


class TrustedLaunchPlugin(plugins.TempestPlugin):
    """The entry point ``nova_trusted_launch`` of tempest.test_plugins."""

    def load_tests(self) -> tuple[str, str]:
        """Return the folder of the tests, and that of the package."""
        return str(_HERE), str(_HERE.parents[1])

    def register_opts(self, conf: cfg.ConfigOpts) -> None:
        """Add [trusted_launch] and [service_available] trusted_launch."""
        conf.register_opt(config.SERVICE_AVAILABLE, group="service_available")
        conf.register_group(config.GROUP)
        conf.register_opts(config.OPTIONS, group=config.GROUP)

    def get_opt_lists(self) -> list[tuple[str, list[cfg.Opt]]]:
        """Return the same options for the sample configuration file."""
        return config.list_opts()

    def get_service_clients(self) -> list[dict[str, Any]]:
        """Return what ``manager.trusted_launch`` makes clients of."""
        return [{
            **tempest_config.service_client_config(config.GROUP.name),
            "name": "trusted_launch",
            "service_version": "trusted_launch.v1",
            "module_path": "nova_trusted_launch.tempest.client",
            "client_names": ["HostAttestationClient"]}]
