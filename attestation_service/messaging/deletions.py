# SPDX-License-Identifier: Apache-2.0
"""Hear from Nova that an instance was deleted, and close its lease.

Closing destroys the key of the instance's disk, and anybody on the bus can
send a notification: Nova itself is asked first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_log import log as logging

from attestation_service.core import errors
from attestation_service.ports import Instances

LOG = logging.getLogger(__name__)

EVENT = "instance.delete.end"
# All replicas share the work, and nobody else's consumers lose anything.
POOL = "attestation-service"
_TRIES = 5
_PAUSE = 1.0


class Deletions:
    """What to do about one notification."""

    filter_rule = oslo_messaging.NotificationFilter(
        event_type=rf"^{EVENT.replace('.', '[.]')}$")

    def __init__(self, instances: Instances,
                 close_lease: Callable[[str], None],
                 pause: float = _PAUSE) -> None:
        self._instances = instances
        self._close_lease = close_lease
        self._pause = pause

    def info(self, ctxt: Any, publisher_id: str, event_type: str,
             payload: Any, metadata: Any) -> str | None:
        """Close the lease; have it told again when that is not possible."""
        instance_id = _instance(payload)
        if instance_id is None:
            LOG.warning("%s without an instance: ignored", EVENT)
            return oslo_messaging.NotificationResult.HANDLED
        try:
            self._close(instance_id)
        except errors.Unavailable as exc:
            LOG.warning("The lease of instance %s is not closed yet: %s",
                        instance_id, exc)
            time.sleep(self._pause)
            return oslo_messaging.NotificationResult.REQUEUE
        return oslo_messaging.NotificationResult.HANDLED

    def _close(self, instance_id: str) -> None:
        for _ in range(_TRIES):
            where = self._instances.locate(instance_id)
            if where is None or where.deleted:
                self._close_lease(instance_id)
                return
            # Nova may tell a little before it has forgotten.
            time.sleep(self._pause)
        LOG.warning("Nova still has instance %s, whatever the notification "
                    "says: its lease stays open", instance_id)


class Listener:
    """Hears Nova's versioned notifications; reconnects by itself."""

    def __init__(self, conf: cfg.ConfigOpts, endpoint: Deletions) -> None:
        self._conf = conf
        self._endpoint = endpoint

    def run(self, stop: threading.Event) -> None:
        """Listen until ``stop`` is set; waits for the bus to come up."""
        transport = oslo_messaging.get_notification_transport(self._conf)
        listener = oslo_messaging.get_notification_listener(
            transport,
            [oslo_messaging.Target(topic=topic)
             for topic in self._conf.messaging.nova_topics],
            [self._endpoint], executor="threading", allow_requeue=True,
            pool=POOL)
        listener.start()
        stop.wait()
        listener.stop()
        listener.wait()
        transport.cleanup()


def _instance(payload: Any) -> str | None:
    try:
        found = payload["nova_object.data"]["uuid"]
    except (KeyError, TypeError):
        return None
    return found if isinstance(found, str) and found else None
