# SPDX-License-Identifier: Apache-2.0
"""The operators' panel of profiles."""

from __future__ import annotations

import horizon
from django.utils.translation import gettext_lazy as _


class TrustedProfiles(horizon.Panel):
    """What hosts have to be like, version by version."""

    name = _("Trusted Profiles")
    slug = "trusted_profiles"
    policy_rules = (("trusted_launch", "trusted_launch:profiles:versions"),)
