# SPDX-License-Identifier: Apache-2.0
"""The service says attest now over a real RabbitMQ, also one that restarts."""

from __future__ import annotations

import threading
import time

import pytest
from oslo_config import cfg

from attestation_service.core.errors import Unavailable
from attestation_service.messaging.agents import BusAgents
from nova_trusted_launch.agent import bus
from tests.fixtures.rabbitmq import rabbitmq


@pytest.fixture(scope="module")
def broker():
    with rabbitmq() as running:
        yield running


def configuration(folder, url: str) -> cfg.ConfigOpts:
    path = folder / "agent.conf"
    path.write_text(f"[DEFAULT]\ntransport_url = {url}\n"
                    "[oslo_messaging_rabbit]\nrabbit_retry_interval = 1\n")
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(path)])
    return conf


def ask(service: BusAgents, asked: threading.Event, host: str | None
        ) -> None:
    """Ask until the agent heard it; it may still be connecting."""
    asked.clear()
    until = time.monotonic() + 30
    while not asked.wait(1):
        assert time.monotonic() < until, "never heard"
        try:
            service.attest_now(host)
        except Unavailable:
            continue


def test_agent_hears_one_and_all_before_and_after_a_restart(tmp_path,
                                                            broker):
    conf = configuration(tmp_path, broker.url)
    asked = threading.Event()
    agent = bus.Bus(conf, "compute-1", asked.set)
    agent.start()
    service = BusAgents(conf)
    try:
        ask(service, asked, "compute-1")
        ask(service, asked, None)
        broker.stop()
        broker.start()
        ask(service, asked, "compute-1")
    finally:
        service.close()
        agent.stop()
