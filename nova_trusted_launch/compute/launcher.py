# SPDX-License-Identifier: Apache-2.0
"""nova-compute with our driver, also when Nova is an editable install.

Nova loads drivers below ``nova.virt`` only.  A wheel puts one file there (see
``packaging/nova-virt``); where Nova's folder is not a place for files of
others, ``trusted-launch-nova-compute`` starts nova-compute instead and says
under which name the driver is to be found.
"""

from __future__ import annotations

import sys

# First of all: it decides about threads before anything else is imported.
from nova.cmd import compute  # isort: skip

import nova.virt
from nova_trusted_launch.compute import driver

NAME = "nova.virt.trusted_launch"


def offer() -> None:
    """Make the driver importable as :data:`NAME`."""
    sys.modules[NAME] = driver
    nova.virt.trusted_launch = driver


def main() -> None:
    """Run nova-compute; its options and configuration are Nova's own."""
    offer()
    compute.main()
