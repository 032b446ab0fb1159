# SPDX-License-Identifier: Apache-2.0
"""The panel "Trusted Hosts" for operators."""

PANEL = "trusted_hosts"
PANEL_DASHBOARD = "admin"
PANEL_GROUP = "compute"
ADD_PANEL = "nova_trusted_launch.horizon.hosts.panel.TrustedHosts"
