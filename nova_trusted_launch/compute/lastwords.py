# SPDX-License-Identifier: Apache-2.0
"""The last host refused as well: tell the tenant why.

When no other host is left, Nova's conductor gives up with a fault that names
none of the refusals ("Exhausted all hosts available for retrying build
failures").  nova-compute knows beforehand that it passes on an empty list:
then the instance ends here, in ERROR, with the last refusal as its fault, as
Nova does it when it may not try another host.

Only builds that this driver has just refused are looked at.
"""

from __future__ import annotations

import threading
from typing import Any

from nova.compute import utils as compute_utils
from nova.compute import vm_states
from oslo_log import log as logging

from nova_trusted_launch.compute.refusal import TrustedLaunchRefused

LOG = logging.getLogger(__name__)
_MOST = 256


class LastWords:
    """The refusals of builds that Nova is about to take to another host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[str, TrustedLaunchRefused] = {}

    def note(self, instance_uuid: str, refused: TrustedLaunchRefused) -> None:
        """Remember why this host does not build an instance."""
        with self._lock:
            self._refused[instance_uuid] = refused
            while len(self._refused) > _MOST:
                del self._refused[next(iter(self._refused))]

    def take(self, instance_uuid: str) -> TrustedLaunchRefused | None:
        """Return what was noted, once."""
        with self._lock:
            return self._refused.pop(instance_uuid, None)

    def listen(self, virtapi: Any) -> None:
        """Stand between nova-compute and the conductor it hands builds to."""
        conductor = getattr(getattr(virtapi, "_compute", None),
                            "compute_task_api", None)
        if conductor is None:
            LOG.warning("This nova-compute is another than we know: the "
                        "fault of a build that every host refused will be "
                        "Nova's own")
            return
        passed_on = conductor.build_instances

        def build_instances(context: Any, instances: Any, *args: Any,
                            **more: Any) -> None:
            refused = self.take(instances[0].uuid)
            if refused is not None and more.get("host_lists") == [[]]:
                _end(context, instances[0], refused)
            else:
                passed_on(context, instances, *args, **more)

        conductor.build_instances = build_instances


def _end(context: Any, instance: Any, refused: TrustedLaunchRefused) -> None:
    LOG.warning("No host is left: %s", refused, instance=instance)
    compute_utils.add_instance_fault_from_exc(
        context, instance, refused, fault_message="No host is left, the last "
        f"one refused: {refused.format_message()}")
    instance.vm_state = vm_states.ERROR
    instance.task_state = None
    instance.save()
    compute_utils.delete_arqs_if_needed(context, instance)
