# SPDX-License-Identifier: Apache-2.0
"""Is there a bus, and how its failures are called."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import amqp
import oslo_messaging
from kombu import exceptions as kombu
from oslo_config import cfg
from oslo_messaging._metrics import client as metrics

from attestation_service.core import errors

# Without retries the driver lets the errors of its libraries through.
_FAILED = (oslo_messaging.MessagingException, kombu.KombuError,
           amqp.AMQPError, OSError)


def configured(conf: cfg.ConfigOpts) -> bool:
    """Tell whether the operator named a bus (``transport_url``)."""
    # Registers the option, if nobody did: it has a default of its own.
    oslo_messaging.TransportURL.parse(conf)
    found = conf.get_location("transport_url")
    return found is not None and found.location.is_user_controlled


def rpc_transport(conf: cfg.ConfigOpts) -> oslo_messaging.RPCTransport:
    """Return a transport for calls."""
    # oslo.messaging registers these with the global configuration only, and
    # fails with any other.
    conf.register_opts(metrics.oslo_messaging_metrics,
                       group="oslo_messaging_metrics")
    return oslo_messaging.get_rpc_transport(conf)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Call what the bus fails with Unavailable."""
    try:
        yield
    except _FAILED as exc:
        raise errors.Unavailable("the message bus does not answer") from exc
