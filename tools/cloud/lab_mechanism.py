# SPDX-License-Identifier: Apache-2.0
"""A Neutron ML2 mechanism driver for a lab without agents.

Every port is bound at once to the host's ``br-int``, an Open vSwitch bridge
with the userspace datapath.  Limits, openly: flat networks only, no security
groups, no DHCP.  A guest takes its address from the config drive.
"""

from __future__ import annotations

from neutron_lib.api.definitions import portbindings
from neutron_lib import constants
from neutron_lib.plugins.ml2 import api


class LabMechanismDriver(api.MechanismDriver):
    """Bind all ports, on whichever host Nova names."""

    def initialize(self):
        """Nothing is remembered: every binding is the same."""

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, context):
        details = {
            portbindings.VIF_DETAILS_BRIDGE_NAME: "br-int",
            portbindings.OVS_DATAPATH_TYPE: "netdev",
            portbindings.CAP_PORT_FILTER: False,
            portbindings.VIF_DETAILS_CONNECTIVITY:
                portbindings.CONNECTIVITY_L2,
            # Nova makes the tap before QEMU starts; one made by QEMU can
            # stay down after a migration.
            "ovs_create_tap": True,
        }
        for segment in context.segments_to_bind:
            context.set_binding(
                segment[api.ID], portbindings.VIF_TYPE_OVS, details,
                status=constants.PORT_STATUS_ACTIVE)
            return
