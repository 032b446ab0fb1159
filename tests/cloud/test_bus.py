# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ: "attest now" reaches the agent, and what changes is notified."""

from __future__ import annotations

import configparser
import queue

import oslo_messaging
import pytest
from oslo_config import cfg

from tests.cloud.conftest import PROFILE
from tools.cloud import lab

HOST = lab.HOSTS[0]
PREFIX = "trusted_launch."
# The lab's agents attest every 30 s by themselves.
SOON = 12


class Ears:
    """An endpoint that keeps what it hears."""

    def __init__(self):
        self.heard = queue.Queue()

    def info(self, context, publisher, event, payload, metadata):
        """Keep one."""
        if event.startswith(PREFIX):
            self.heard.put((event.removeprefix(PREFIX), payload))

    warn = error = audit = info

    def until(self, event, **fields):
        """Return the payload of a notification that has these fields."""
        while True:
            name, payload = self.heard.get(timeout=lab.PATIENCE)
            if name == event and fields.items() <= payload.items():
                return payload


@pytest.fixture(scope="module")
def ears():
    """What the service notifies from now on."""
    written = configparser.ConfigParser(interpolation=None)
    written.read(lab.place(HOST, "etc", "trusted-launch-agent.conf"))
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[])
    transport = oslo_messaging.get_notification_transport(
        conf, url=written["DEFAULT"]["transport_url"])
    made = Ears()
    # A pool of its own: nobody else goes without.
    listener = oslo_messaging.get_notification_listener(
        transport, [oslo_messaging.Target(topic="notifications")], [made],
        executor="threading", pool="e2e")
    listener.start()
    yield made
    listener.stop()
    listener.wait()
    transport.cleanup()


def test_attest_now_by_the_bus(cloud):
    for host in lab.HOSTS:
        before = lab.tier(cloud.admin, host, PROFILE)["issued_at"]
        # Just after the last time, so that it is not by itself.
        lab.wait("the agent attests by itself", lambda b=before, h=host:
                 lab.tier(cloud.admin, h, PROFILE)["issued_at"] > b,
                 every=0.2)
        before = lab.tier(cloud.admin, host, PROFILE)["issued_at"]
        cloud.admin.trusted.attester_attest(host)
        lab.wait(f"{host} attests at once", lambda b=before, h=host:
                 lab.tier(cloud.admin, h, PROFILE)["issued_at"] > b,
                 limit=SOON, every=0.2)


def test_releases_are_notified(cloud, ears, server_of):
    server = server_of("notified")
    assert server.status == "ACTIVE", cloud.why(server)
    told = ears.until("release.granted", instance_id=server.id)
    assert (told["host"], told["action"]) == (server.compute_host, "spawn")
    cloud.admin.remove(server.id)
    assert ears.until("lease.closed", instance_id=server.id)[
        "project_id"] == server.project_id


def test_change_of_tier_is_notified_and_the_way_back(cloud, ears, taint):
    taint(HOST)
    cloud.admin.trusted.attester_attest(HOST)
    told = ears.until("result.tier", host=HOST, profile=PROFILE,
                      tier="contraindicated")
    assert told["previous"] == "affirming"
    assert "register 4" in told["reasons"][0]
    lab.heal(cloud.admin, HOST, PROFILE)
    told = ears.until("result.tier", host=HOST, profile=PROFILE,
                      tier="affirming")
    assert told["reasons"] == []
