# SPDX-License-Identifier: Apache-2.0
"""The operators' panel of hosts."""

from __future__ import annotations

import horizon
from django.utils.translation import gettext_lazy as _


class TrustedHosts(horizon.Panel):
    """Which host is trusted, and why not.

    It is there without the service, too, and says that it is away.
    """

    name = _("Trusted Hosts")
    slug = "trusted_hosts"
    policy_rules = (("trusted_launch", "trusted_launch:attesters:list"),)
