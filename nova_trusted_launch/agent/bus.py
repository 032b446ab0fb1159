# SPDX-License-Identifier: Apache-2.0
"""Hear "attest now" over oslo.messaging, where there is a bus.

The bus is not trusted: all it can do is make the agent attest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import oslo_messaging as messaging
from oslo_config import cfg
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

TOPIC = "trusted-launch-agent"
VERSION = "1.0"


class _Endpoint:
    """The methods that can be called."""

    target = messaging.Target(version=VERSION)

    def __init__(self, attest_now: Callable[[], None]) -> None:
        self._attest_now = attest_now

    def attest_now(self, ctxt: dict[str, Any]) -> None:
        """Attest as soon as possible."""
        LOG.info("Asked to attest now")
        self._attest_now()


class Bus:
    """Listens as ``host`` on the agents' topic; also for all of them."""

    def __init__(self, conf: cfg.ConfigOpts, host: str,
                 attest_now: Callable[[], None]) -> None:
        self._up = threading.Event()
        self._transport = messaging.get_rpc_transport(conf)
        self._server = messaging.get_rpc_server(
            self._transport, messaging.Target(topic=TOPIC, server=host),
            [_Endpoint(attest_now)],
            access_policy=messaging.DefaultRPCAccessPolicy)

    def start(self) -> None:
        """Begin to listen, now or as soon as there is a bus."""
        # A bus that is down would keep us here until it is up.
        threading.Thread(target=self._listen, name="bus",
                         daemon=True).start()

    def _listen(self) -> None:
        self._server.start()
        self._up.set()

    def stop(self) -> None:
        """End listening."""
        if not self._up.is_set():
            return
        self._server.stop()
        self._server.wait()
        self._transport.cleanup()


def configured(conf: cfg.ConfigOpts) -> bool:
    """Tell whether the operator named a bus (``transport_url``)."""
    # Registers the option, if nobody did: it has a default of its own.
    messaging.TransportURL.parse(conf)
    found = conf.get_location("transport_url")
    return found is not None and found.location.is_user_controlled
