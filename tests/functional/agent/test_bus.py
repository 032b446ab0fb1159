# SPDX-License-Identifier: Apache-2.0
"""Attest now, over a bus in memory."""

from __future__ import annotations

import threading

import oslo_messaging as messaging
import pytest
from oslo_config import cfg

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
    try:
        target = messaging.Target(
            topic=bus.TOPIC, version=bus.VERSION, fanout=everybody,
            server=None if everybody else "compute-1")
        # A caller needs options that only the global configuration has.
        caller = messaging.get_rpc_transport(cfg.CONF, url="fake:/")
        messaging.get_rpc_client(caller, target).cast({}, "attest_now")
        assert asked.wait(5)
    finally:
        server.stop()
