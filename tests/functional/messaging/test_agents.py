# SPDX-License-Identifier: Apache-2.0
"""The service asks, the agents' own listener hears."""

from __future__ import annotations

import contextlib
import queue
import time

import pytest

from attestation_service.core import errors
from attestation_service.messaging.agents import BusAgents, NoAgents
from nova_trusted_launch.agent.bus import Bus
from tests.functional.messaging.conftest import configure


@pytest.fixture
def agents(conf):
    made = BusAgents(conf)
    yield made
    made.close()


@contextlib.contextmanager
def agent(conf, host, asked):
    bus = Bus(conf, host, lambda: asked.put(host))
    bus.start()
    try:
        yield
    finally:
        bus.stop()


@pytest.fixture
def asked(conf):
    found = queue.Queue()
    with agent(conf, "host-a", found), agent(conf, "host-b", found):
        # A fanout reaches who has declared its queue.
        time.sleep(2)
        yield found


def test_one_host_is_asked(agents, asked):
    agents.attest_now("host-b")
    assert asked.get(timeout=30) == "host-b"
    with pytest.raises(queue.Empty):
        asked.get(timeout=1)


def test_all_hosts_are_asked(agents, asked):
    agents.attest_now(None)
    assert {asked.get(timeout=30) for _ in range(2)} == {"host-a", "host-b"}


def test_a_host_without_an_agent_is_no_error(agents):
    agents.attest_now("nobody-there")


@pytest.mark.parametrize("host", [None, "host-a"])
def test_a_bus_that_is_down_says_so_at_once(tmp_path, host):
    down = BusAgents(configure(tmp_path / "down.conf",
                               "rabbit://x:y@127.0.0.1:9/"))
    before = time.monotonic()
    with pytest.raises(errors.Unavailable):
        down.attest_now(host)
    assert time.monotonic() - before < 5


def test_without_a_bus_nobody_can_be_asked():
    with pytest.raises(errors.Unavailable, match="transport_url"):
        NoAgents().attest_now(None)
