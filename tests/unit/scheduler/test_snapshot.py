# SPDX-License-Identifier: Apache-2.0
"""One snapshot for many threads: fresh, bounded in time, never older."""

from __future__ import annotations

import datetime
import threading
import time

import pytest

from nova_trusted_launch.scheduler.snapshot import Unavailable
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import SnapshotEntry
from tests.unit.scheduler.answering import AFFIRMING, START, FakeService


@pytest.fixture
def service():
    return FakeService()


def test_fresh_snapshot_needs_no_request(service):
    service.change("a")
    keeper = service.keeper()
    for _ in range(5):
        assert set(keeper.latest().hosts) == {"a"}
        service.later(1.9)
    assert service.requests == [0]


def test_delta_adds_changes_and_removes(service):
    service.change("a")
    service.change("b")
    service.change("b", profile="lead")
    keeper = service.keeper()
    before = keeper.latest()
    service.later(11)
    service.change("a", TrustTier.CONTRAINDICATED)
    service.change("b", TrustTier.NONE)
    service.change("c")
    after = keeper.latest()
    assert service.requests == [0, 3]
    assert after.hosts["a"]["gold"].tier is TrustTier.CONTRAINDICATED
    assert set(after.hosts["b"]) == {"lead"}
    assert set(after.hosts["c"]) == {"gold"}
    # The view that others still read has not changed under them.
    assert before.hosts["a"]["gold"].tier is AFFIRMING
    assert set(before.hosts["b"]) == {"gold", "lead"}
    assert after.profiles == {"gold", "lead"}


def test_h4_expired_snapshot_is_not_used(service):
    service.change("a")
    service.valid_for = 5
    keeper = service.keeper()
    keeper.latest()
    service.now += 6
    service.lie = {"expires_at": datetime.datetime.fromtimestamp(
        service.now, datetime.UTC)}
    with pytest.raises(Unavailable):
        keeper.latest()


@pytest.mark.parametrize("offset", [-66, 66])
def test_h5_clock_skew_is_refused(service, offset):
    service.change("a")
    service.lie = {"issued_at": datetime.datetime.fromtimestamp(
        service.now + offset, datetime.UTC)}
    with pytest.raises(Unavailable):
        service.keeper().latest()


@pytest.mark.parametrize("lie", [
    pytest.param({"base": 1}, id="another base"),
    pytest.param({"sequence": 1}, id="older delta"),
    pytest.param({"base": 0, "issued_at": datetime.datetime.fromtimestamp(
        START - 1, datetime.UTC)}, id="older full snapshot"),
])
def test_replayed_snapshot_is_refused_then_all_is_asked(service, lie):
    service.change("a")
    service.change("b")
    keeper = service.keeper()
    keeper.latest()
    service.later(11)
    service.lie = lie
    with pytest.raises(Unavailable):
        keeper.latest()
    service.lie = {}
    assert set(keeper.latest().hosts) == {"a", "b"}
    assert service.requests == [0, 2, 0]


def test_full_snapshot_replaces_everything(service):
    service.change("a")
    keeper = service.keeper()
    keeper.latest()
    service.later(11)
    service.lie = {"base": 0, "entries": (
        SnapshotEntry("b", "gold", AFFIRMING, int(START) + 600),)}
    assert set(keeper.latest().hosts) == {"b"}


def test_dead_service_is_unavailable_and_keeps_the_base(service):
    service.change("a")
    keeper = service.keeper()
    keeper.latest()
    service.later(11)
    alive, service.verify = service.verify, None
    keeper._verify = service.verify
    with pytest.raises(Unavailable):
        keeper.latest()
    keeper._verify = alive
    assert set(keeper.latest().hosts) == {"a"}
    assert service.requests == [0, 1, 1]


def test_slow_service_delays_no_longer_than_the_timeout(service):
    service.change("a")
    service.wait = threading.Event()
    keeper = service.keeper(timeout=0.1)
    for _ in range(8):
        started = time.monotonic()
        with pytest.raises(Unavailable):
            keeper.latest()
        assert time.monotonic() - started < 0.5
    # Requests left behind are bounded.
    assert len(service.requests) <= 4
    service.wait.set()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert set(keeper.latest().hosts) == {"a"}
            break
        except Unavailable:
            time.sleep(0.01)
    else:
        pytest.fail("does not recover")


def test_late_answer_serves_the_next_launch_while_it_is_fresh(service):
    service.change("a")
    service.wait = threading.Event()
    keeper = service.keeper(timeout=0.05)
    with pytest.raises(Unavailable):
        keeper.latest()
    service.wait.set()
    time.sleep(0.1)
    assert set(keeper.latest().hosts) == {"a"}
    assert service.requests == [0]
    # Its age counts from the question, not from the answer.
    service.later(10)
    keeper.latest()
    assert service.requests == [0, 1]


def test_late_answer_does_not_undo_a_later_one(service):
    service.change("a")
    service.wait = slow = threading.Event()
    keeper = service.keeper(timeout=0.05)
    with pytest.raises(Unavailable):
        keeper.latest()
    service.wait = None
    service.change("b")
    view = keeper.latest()
    slow.set()
    time.sleep(0.1)
    assert keeper.latest() is view


def test_many_threads_share_one_request(service):
    service.change("a")
    service.wait = threading.Event()
    keeper = service.keeper()
    found = []

    def ask():
        found.append(keeper.latest())

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    service.wait.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 20 and len({id(v) for v in found}) == 1
    assert service.requests == [0]
