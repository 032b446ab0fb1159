# SPDX-License-Identifier: Apache-2.0
"""Send events as oslo.messaging notifications, or say that it failed.

oslo.messaging's own Notifier logs a failure and forgets the event; here it
has to come back, so the notification is put together as that one does it.
"""

from __future__ import annotations

import uuid

import oslo_messaging
from oslo_config import cfg

from attestation_service import records as r
from attestation_service.messaging import bus

PRIORITY = "INFO"
PREFIX = "trusted_launch."
_VERSION = 2.0


class Notifications:
    """The bus as a function of an event."""

    def __init__(self, conf: cfg.ConfigOpts, publisher_id: str) -> None:
        self._transport = oslo_messaging.get_notification_transport(conf)
        # Registers the group, if nobody did.
        oslo_messaging.Notifier(self._transport, publisher_id)
        self._topics = conf.oslo_messaging_notifications.topics
        self._publisher_id = publisher_id

    def __call__(self, event: r.Event) -> None:
        """Send an event to every topic, once.

        :raises Unavailable: the bus does not answer.
        """
        message = {
            "message_id": str(uuid.uuid4()),
            "publisher_id": self._publisher_id,
            "event_type": PREFIX + event.event_type,
            "priority": PRIORITY, "payload": dict(event.payload),
            # As every notification has it: naive, in UTC.
            "timestamp": str(event.created_at.replace(tzinfo=None))}
        for topic in self._topics:
            target = oslo_messaging.Target(
                topic=f"{topic}.{PRIORITY.lower()}")
            with bus.translated():
                self._transport._send_notification(
                    target, {}, message, version=_VERSION, retry=0)

    def close(self) -> None:
        """Close the connections."""
        self._transport.cleanup()
