# SPDX-License-Identifier: Apache-2.0
"""The panel "Trusted Profiles" for operators."""

PANEL = "trusted_profiles"
PANEL_DASHBOARD = "admin"
PANEL_GROUP = "compute"
ADD_PANEL = "nova_trusted_launch.horizon.profiles.panel.TrustedProfiles"
