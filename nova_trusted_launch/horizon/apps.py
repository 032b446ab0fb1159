# SPDX-License-Identifier: Apache-2.0
"""The plugin as Django knows it.

Horizon finds panels and tabs through the files in ``enabled``; the REST
resources for the browser and the policy file are registered here.
"""

from __future__ import annotations

import importlib
import pathlib

from django import apps
from django.conf import settings
from django.utils.translation import gettext_lazy as _

POLICY_SERVICE = "trusted_launch"
_CONF = pathlib.Path(__file__).parent / "conf"


class TrustedLaunchConfig(apps.AppConfig):
    """Horizon with trusted launch."""

    name = "nova_trusted_launch.horizon"
    # The default label would be that of Horizon itself.
    label = "trusted_launch"
    verbose_name = _("Trusted launch")

    def ready(self) -> None:
        """Register what Horizon has no enabled file for."""
        # An operator's own files, named in local_settings, win.
        settings.POLICY_FILES.setdefault(
            POLICY_SERVICE, "trusted_launch_policy.yaml")
        settings.DEFAULT_POLICY_FILES.setdefault(
            POLICY_SERVICE, str(_CONF / "trusted_launch_defaults.yaml"))
        # Only now: Horizon's API modules need the settings and the apps.
        importlib.import_module("nova_trusted_launch.horizon.rest")
