# SPDX-License-Identifier: Apache-2.0
"""The loop goes on whatever happens, and says how it goes."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from nova_trusted_launch.agent import loop as module
from nova_trusted_launch.agent.loop import AttestLoop, Journal
from nova_trusted_launch.agent.operations import Operations
from nova_trusted_launch.agent.pace import Pace
from nova_trusted_launch.client.errors import Unavailable
from nova_trusted_launch.wire.encoding import WireError

PACE = Pace(interval=100, retry=2, waiting=30, jitter=0)


class Running:
    """A loop over a host, stepped by hand."""

    def __init__(self, host, **options) -> None:
        self.host = host
        self.journal = Journal()
        self.loop = AttestLoop(host.attester, host.identities, self.journal,
                               PACE, lambda: 0.0, **options)
        self.operations = Operations(
            host.releaser, host.service, host.identities, self.loop,
            self.journal, host=host.name)

    def status(self):
        return self.operations.status({})


@pytest.fixture
def running(host):
    return Running(host)


def broken(_answer):
    raise Unavailable("down")


def test_well_attested_host_waits_an_interval(running):
    assert running.loop.step() == 100
    status = running.status()
    assert status["state"] == "attesting"
    assert status["attester_id"] == "attester-0"
    assert status["host"] == "compute-1"
    assert status["last_error"] is None
    assert status["last_attested_at"].endswith("Z")


def test_new_agent_says_so(running):
    assert running.status() == {
        "attester_id": None, "host": "compute-1", "state": "new",
        "last_attested_at": None, "last_error": None}


def test_h1_service_down_is_tried_again_ever_later(running):
    running.host.service.lies["challenge_create"] = broken
    assert [running.loop.step() for _ in range(5)] == [2, 4, 8, 16, 32]
    assert running.status()["state"] == "failing"
    assert "down" in running.status()["last_error"]
    running.host.service.lies.clear()
    assert running.loop.step() == 100
    running.host.service.lies["challenge_create"] = broken
    assert running.loop.step() == 2


@pytest.mark.parametrize("state", ["pending", "retired"])
def test_operator_has_to_act_first(running, state):
    running.loop.step()
    running.host.service.attesters["attester-0"].state = state
    assert running.loop.step() == 30
    assert running.loop.step() == 30
    assert running.status()["state"] == state
    assert len(running.host.service.attesters) == 1


def test_retired_host_enrols_again_where_that_is_wanted(host):
    running = Running(host, enrol_again=True)
    running.loop.step()
    host.service.attesters["attester-0"].state = "retired"
    running.loop.step()
    running.loop.step()
    assert running.status()["attester_id"] == "attester-1"
    assert running.status()["state"] == "attesting"


def test_h2_bug_does_not_end_the_loop(running, caplog):
    def bug(_answer):
        raise ZeroDivisionError

    running.host.service.lies["evidence_send"] = bug
    assert running.loop.step() == 2
    assert "ZeroDivisionError" in caplog.text
    running.host.service.lies.clear()
    assert running.loop.step() == 100


def test_runs_until_stopped_and_attests_when_asked(running, monkeypatch):
    monkeypatch.setattr(module, "LEAST_GAP", 0.05)
    thread = threading.Thread(target=running.loop.run)
    thread.start()

    def evidence(count: int) -> None:
        until = time.monotonic() + 5
        while len(running.host.service.evidence) < count:
            assert time.monotonic() < until
            time.sleep(0.005)

    evidence(1)
    running.operations.attest({})
    evidence(2)
    running.loop.attest_now()
    running.loop.attest_now()
    evidence(3)
    running.loop.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert len(running.host.service.evidence) == 3


def test_asked_all_the_time_attests_at_bounded_rate(running, monkeypatch):
    monkeypatch.setattr(module, "LEAST_GAP", 0.2)
    thread = threading.Thread(target=running.loop.run)
    thread.start()
    until = time.monotonic() + 0.7
    while time.monotonic() < until:
        running.loop.attest_now()
        time.sleep(0.001)
    running.loop.stop()
    thread.join(5)
    assert len(running.host.service.evidence) <= 5


def test_release_over_the_operations(running, caplog):
    caplog.set_level(logging.DEBUG)
    running.loop.step()
    answer = running.operations.release({
        "instance_id": "i", "action": "reboot", "profile": None,
        "image_id": None, "key_id": None, "launch_id": None})
    assert answer["disk_key"] == (b"d" * 32).hex()
    for secret in (answer["disk_key"], answer["image_key"],
                   answer["nonce"]):
        assert secret not in caplog.text


def test_instance_and_close_ask_the_service(running):
    running.host.service.leases["i"] = {"trusted": True}
    assert running.operations.instance({"instance_id": "i"}) == {
        "trusted": True}
    assert running.operations.close({"instance_id": "i"}) == {}
    assert running.operations.instance({"instance_id": "i"}) is None


@pytest.mark.parametrize("request_", [
    {}, {"instance_id": ""}, {"instance_id": 1},
    {"instance_id": "i", "more": 1}])
def test_malformed_requests_are_refused(running, request_):
    for operation in (running.operations.instance,
                      running.operations.close):
        with pytest.raises(WireError):
            operation(request_)


def test_operations_without_fields_take_none(running):
    for operation in (running.operations.status, running.operations.attest):
        with pytest.raises(WireError):
            operation({"more": 1})
