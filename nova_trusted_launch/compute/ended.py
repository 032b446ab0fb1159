# SPDX-License-Identifier: Apache-2.0
"""Builds that ended together with nova-compute: tell their owners.

Nova puts such an instance into ERROR and says nothing.  Its keys were in the
memory of the process, so nothing of it can go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nova import context as nova_context
from nova import exception, objects
from nova.compute import utils as compute_utils
from nova.compute import vm_states

WHY = ("nova-compute on this host ended while the instance was being built, "
       "and its released keys with it; delete it and launch it again")


def explain(host: str, trusted: Callable[[Any], bool]) -> int:
    """Add a fault to every trusted instance left half built; count them."""
    context = nova_context.get_admin_context()
    told = 0
    for instance in objects.InstanceList.get_by_host(
            context, host, expected_attrs=[
                "flavor", "metadata", "system_metadata"]):
        if instance.vm_state == vm_states.BUILDING and trusted(instance):
            compute_utils.add_instance_fault_from_exc(
                context, instance,
                exception.InstanceDeployFailure(reason=WHY))
            told += 1
    return told
