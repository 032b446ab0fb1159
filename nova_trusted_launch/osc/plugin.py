# SPDX-License-Identifier: Apache-2.0
"""What OpenStackClient asks of a plugin."""

from __future__ import annotations

import argparse
from typing import Any

from osc_lib import utils

from nova_trusted_launch.client.api import TrustedLaunchClient

API_NAME = "trusted_launch"
API_VERSION_OPTION = "os_trusted_launch_api_version"
API_VERSIONS = ("1",)
DEFAULT_VERSION = "1"


def make_client(instance: Any) -> TrustedLaunchClient:
    """Return the client of the cloud that OpenStackClient is logged in to."""
    return TrustedLaunchClient.of_session(
        instance.session, interface=instance.interface,
        region_name=instance.region_name)


def build_option_parser(
        parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the plugin's global option."""
    parser.add_argument(
        "--os-trusted-launch-api-version", metavar="<version>",
        default=utils.env("OS_TRUSTED_LAUNCH_API_VERSION",
                          default=DEFAULT_VERSION),
        help="Trusted launch API version (default: "
             f"{DEFAULT_VERSION}, Env: OS_TRUSTED_LAUNCH_API_VERSION)")
    return parser
