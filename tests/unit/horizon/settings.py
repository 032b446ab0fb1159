# SPDX-License-Identifier: Apache-2.0
"""Horizon's own settings for tests, with the plugin."""

from openstack_dashboard.test.settings import *  # noqa: F403, H303

INSTALLED_APPS = ["nova_trusted_launch.horizon",
                  *INSTALLED_APPS]  # noqa: F405
