# SPDX-License-Identifier: Apache-2.0
"""The tab "Trusted launch" of an instance's page.

The page itself asks the service for nothing: the browser does, once the page
is there, and checks what it gets.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from horizon import tabs


class TrustedLaunchTab(tabs.Tab):
    """An empty place that the browser fills."""

    name = _("Trusted launch")
    slug = "trusted_launch"
    template_name = "trusted_launch/_instance_tab.html"

    def get_context_data(self, request: Any) -> dict[str, Any]:
        """Name the instance and its project."""
        shown = self.tab_group.kwargs["instance"]
        return {"instance_id": shown.id, "project_id": shown.tenant_id}
