# SPDX-License-Identifier: Apache-2.0
"""The scheduler hints of an instance that is being built here.

A hint may ask for a trusted launch, and Nova does not hand it to drivers.
nova-compute itself gets it with the build, and is listened to.  Reading the
request from the API database is the second choice: the conductor of a cell
does not reach it.  When neither tells, nobody knows whether the instance has
to be trusted, and it is not built.
"""

from __future__ import annotations

import contextvars
from typing import Any

from nova import objects
from oslo_log import log as logging

from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.wire.codes import Code

LOG = logging.getLogger(__name__)
_BUILD, _HINTS = "_do_build_and_run_instance", "_get_scheduler_hints"
_told: contextvars.ContextVar[dict[str, Any] | None] = (
    contextvars.ContextVar("hints", default=None))


def listen(virtapi: Any) -> None:
    """Stand where nova-compute begins to build an instance."""
    manager = getattr(virtapi, "_compute", None)
    build = getattr(manager, _BUILD, None)
    hints_of = getattr(manager, _HINTS, None)
    if build is None or hints_of is None:
        LOG.warning("This nova-compute is another than we know: scheduler "
                    "hints are read from the API database")
        return

    def listening(context: Any, instance: Any, image: Any, request_spec: Any,
                  filter_properties: Any, *args: Any, **more: Any) -> Any:
        token = _told.set(dict(
            hints_of(filter_properties, request_spec) or {}))
        try:
            return build(context, instance, image, request_spec,
                         filter_properties, *args, **more)
        finally:
            _told.reset(token)

    setattr(manager, _BUILD, listening)


def of(context: Any, instance: Any) -> dict[str, Any]:
    """Return the hints of a new instance.

    :raises TrustedLaunchRefused: nobody tells.
    """
    told = _told.get()
    if told is not None:
        return told
    try:
        spec = objects.RequestSpec.get_by_instance_uuid(
            context, instance.uuid)
    except Exception as exc:  # It crosses the bus: any class may come back.
        raise TrustedLaunchRefused(
            Code.RELEASE_UNCONFIRMED, "its scheduler hints cannot be read "
            f"({type(exc).__name__}), and they may ask for a trusted launch"
        ) from exc
    return dict(spec.scheduler_hints or {})
