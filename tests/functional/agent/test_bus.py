# SPDX-License-Identifier: Apache-2.0
"""The service says attest now, over a bus in memory."""

from __future__ import annotations

import threading
import time

import pytest
from oslo_config import cfg

from attestation_service.messaging.agents import BusAgents
from nova_trusted_launch.agent import bus


def configuration(tmp_path, text: str) -> cfg.ConfigOpts:
    path = tmp_path / "agent.conf"
    path.write_text(text)
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(path)])
    return conf


def test_without_a_bus_there_is_none(tmp_path):
    assert not bus.configured(configuration(tmp_path, "[DEFAULT]\n"))


@pytest.mark.parametrize("everybody", [False, True])
def test_asked_over_the_bus_attests(tmp_path, everybody):
    conf = configuration(tmp_path, "[DEFAULT]\ntransport_url = fake:/\n")
    assert bus.configured(conf)
    asked = threading.Event()
    server = bus.Bus(conf, "compute-1", asked.set)
    server.start()
    assert server._up.wait(5)
    try:
        caller = BusAgents(conf)
        caller.attest_now(None if everybody else "compute-1")
        assert asked.wait(5)
        caller.close()
    finally:
        server.stop()


def test_another_host_is_not_meant(tmp_path):
    conf = configuration(tmp_path, "[DEFAULT]\ntransport_url = fake:/\n")
    asked = threading.Event()
    server = bus.Bus(conf, "compute-1", asked.set)
    server.start()
    assert server._up.wait(5)
    try:
        BusAgents(conf).attest_now("compute-2")
        assert not asked.wait(0.5)
    finally:
        server.stop()


def test_bus_that_is_down_does_not_hold_the_agent(tmp_path):
    conf = configuration(tmp_path, "[DEFAULT]\n"
                         "transport_url = rabbit://u:p@127.0.0.1:9/\n")
    began = time.monotonic()
    server = bus.Bus(conf, "compute-1", threading.Event().set)
    server.start()
    server.stop()
    assert time.monotonic() - began < 5
