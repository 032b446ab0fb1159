# SPDX-License-Identifier: Apache-2.0
"""The plugin itself: launch step, instance tab, marks, image columns."""

FEATURE = "trusted-launch"
ADD_INSTALLED_APPS = ["nova_trusted_launch.horizon"]
ADD_ANGULAR_MODULES = ["horizon.dashboard.trusted-launch"]
ADD_SCSS_FILES = ["dashboard/trusted-launch/trusted-launch.scss"]
AUTO_DISCOVER_STATIC_FILES = True
EXTRA_TABS = {
    "openstack_dashboard.dashboards.project.instances.tabs."
    "InstanceDetailTabs": [
        (10, "nova_trusted_launch.horizon.tabs.TrustedLaunchTab")],
    "openstack_dashboard.dashboards.admin.instances.tabs."
    "AdminInstanceDetailTabs": [
        (10, "nova_trusted_launch.horizon.tabs.TrustedLaunchTab")],
}
