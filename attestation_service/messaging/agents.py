# SPDX-License-Identifier: Apache-2.0
"""Ask agents over the bus to attest now."""

from __future__ import annotations

import oslo_messaging
from oslo_config import cfg

from attestation_service.core import errors
from attestation_service.messaging import bus

TOPIC = "trusted-launch-agent"
VERSION = "1.0"


class BusAgents:
    """See :class:`attestation_service.ports.AgentCalls`.

    Nobody waits for an answer: the evidence is the answer.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._transport = bus.rpc_transport(conf)
        self._client = oslo_messaging.get_rpc_client(
            self._transport,
            oslo_messaging.Target(topic=TOPIC, version=VERSION))

    def attest_now(self, host: str | None) -> None:
        """Ask one host's agent, or all."""
        call = (self._client.prepare(fanout=True, retry=0) if host is None
                else self._client.prepare(server=host, retry=0))
        with bus.translated():
            call.cast({}, "attest_now")

    def close(self) -> None:
        """Close the connections."""
        self._transport.cleanup()


class NoAgents:
    """There is no bus: agents attest at their own interval."""

    def attest_now(self, host: str | None) -> None:
        """Refuse."""
        raise errors.Unavailable(
            "no message bus is configured (transport_url): agents attest at "
            "their own interval")
