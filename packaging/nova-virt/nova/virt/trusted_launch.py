# SPDX-License-Identifier: Apache-2.0
"""Where Nova looks for ``compute_driver = trusted_launch.…``."""

from nova_trusted_launch.compute.driver import LibvirtDriver

__all__ = ["LibvirtDriver"]
