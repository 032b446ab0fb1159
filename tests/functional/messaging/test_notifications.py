# SPDX-License-Identifier: Apache-2.0
"""Events reach the bus once it is there, and cost nothing while it is not."""

from __future__ import annotations

import datetime
import queue
import time

import pytest

from attestation_service.core import errors
from attestation_service.messaging import bus
from attestation_service.messaging.courier import Courier
from attestation_service.messaging.notifications import Notifications
from attestation_service.store import database, migrate
from attestation_service.store.store import SqlStore
from tests.contract import samples
from tests.fakes.outside import Clock
from tests.functional.messaging.conftest import configure, running


@pytest.fixture
def send(conf):
    made = Notifications(conf, "trusted_launch.test")
    yield made
    made.close()


def now():
    return datetime.datetime.now(datetime.UTC)


def put(store, *names):
    with store.unit() as unit:
        for name in names:
            unit.outbox.put(samples.event(name))


def test_an_event_arrives_as_a_notification(store, send, heard):
    put(store, "result.tier")
    assert Courier(store, send, now, 1).deliver() == 1
    publisher, event_type, payload, timestamp = heard.get(timeout=30)
    assert publisher == "trusted_launch.test"
    assert event_type == "trusted_launch.result.tier"
    assert payload == samples.event().payload
    assert timestamp == "2026-11-25 12:30:15.123457"
    assert Courier(store, send, now, 1).deliver() == 0


def test_many_events_arrive_in_order_and_once(store, send, heard):
    names = [f"e{n}" for n in range(120)]
    put(store, *names)
    with running(Courier(store, send, now, 0.1).run):
        got = [heard.get(timeout=30)[1] for _ in names]
    assert got == [f"trusted_launch.{name}" for name in names]
    with pytest.raises(queue.Empty):
        heard.get(timeout=0.5)


@pytest.fixture
def nowhere(tmp_path):
    return configure(tmp_path / "down.conf", "rabbit://x:y@127.0.0.1:9/")


def test_a_bus_that_is_down_says_so_at_once(nowhere):
    send = Notifications(nowhere, "x")
    before = time.monotonic()
    with pytest.raises(errors.Unavailable):
        send(samples.event())
    assert time.monotonic() - before < 5


def test_what_was_not_sent_waits_until_its_claim_ends(store):
    sent, clock = [], Clock()

    def send(event):
        if len(sent) == 2:
            raise errors.Unavailable("down")
        sent.append(event.event_type)

    put(store, "a", "b", "c", "d")
    courier = Courier(store, send, clock, 1)
    with pytest.raises(errors.Unavailable):
        courier.deliver()
    assert sent == ["a", "b"]
    assert courier.deliver() == 0
    sent.clear()
    clock.tick(seconds=31)
    assert courier.deliver() == 2
    assert sent == ["c", "d"]


def test_a_broker_that_was_down_gets_what_waited(broker, conf, store, send,
                                                 tmp_path):
    """Attestation goes on meanwhile: the outbox takes events at once."""
    clock = Clock()
    courier = Courier(store, send, clock, 0.1)
    put(store, "before")
    assert courier.deliver() == 1
    broker.stop()
    try:
        put(store, "meanwhile-1", "meanwhile-2")
        with pytest.raises(errors.Unavailable):
            courier.deliver()
    finally:
        broker.start()
    clock.tick(seconds=31)
    deadline = time.monotonic() + 60
    delivered = 0
    while delivered < 2 and time.monotonic() < deadline:
        try:
            delivered += courier.deliver()
        except errors.Unavailable:
            # The pool may still hold connections to the old process.
            clock.tick(seconds=31)
            time.sleep(0.5)
    assert delivered == 2
    assert courier.deliver() == 0


def test_a_thread_of_couriers_survives_the_bus(store, tmp_path):
    sent, failures = [], [3]

    def send(event):
        if failures[0]:
            failures[0] -= 1
            raise errors.Unavailable("down")
        sent.append(event.event_type)

    class Hasty(Clock):
        def __call__(self):
            return self.tick(seconds=60)

    put(store, "a", "b")
    with running(Courier(store, send, Hasty(), 0.01).run):
        deadline = time.monotonic() + 30
        while len(sent) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert sent == ["a", "b"]


def test_a_slow_bus_holds_no_lock(tmp_path, store):
    """While an event is being sent, others work with the database."""
    other = SqlStore(database.connect(
        f"sqlite:///{tmp_path / 'service.db'}"))

    def send(event):
        put(other, "meanwhile")

    put(store, "first")
    assert Courier(store, send, now, 1).deliver() == 1


def test_the_outbox_stays_bounded_while_the_bus_is_down(tmp_path, nowhere):
    sql = database.connect(f"sqlite:///{tmp_path / 'bounded.db'}")
    migrate.sync(sql)
    store = SqlStore(sql, most_events=100)
    send = Notifications(nowhere, "x")
    for _ in range(20):
        put(store, *(["a"] * 50))
        with pytest.raises(errors.Unavailable):
            Courier(store, send, Clock(), 1).deliver()
    with store.unit() as unit:
        left = unit.outbox.claim(most=9999, now=samples.at(10 ** 6),
                                 until=samples.at(10 ** 6))
    assert 100 <= len(left) < 100 + 64


def test_without_transport_url_there_is_no_bus(conf, tmp_path):
    assert bus.configured(conf)
    path = tmp_path / "none.conf"
    path.write_text("[DEFAULT]\n")
    empty = configure(tmp_path / "x.conf", "rabbit://")
    empty([], default_config_files=[str(path)])
    assert not bus.configured(empty)
