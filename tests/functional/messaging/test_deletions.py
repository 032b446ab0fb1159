# SPDX-License-Identifier: Apache-2.0
"""A deleted instance closes its lease, when Nova agrees."""

from __future__ import annotations

import queue
import time

import oslo_messaging
import pytest

from attestation_service.messaging.deletions import Deletions, Listener
from tests.fakes.outside import FakeNova
from tests.functional.messaging.conftest import running


def versioned(instance_id, event_type="instance.delete.end"):
    """Return a payload as Nova's versioned notifications have it."""
    return event_type, {
        "nova_object.name": "InstanceActionPayload",
        "nova_object.namespace": "nova", "nova_object.version": "1.8",
        "nova_object.data": {"uuid": instance_id, "state": "deleted"}}


@pytest.fixture
def nova():
    return FakeNova()


@pytest.fixture
def closed():
    return queue.Queue()


@pytest.fixture
def tell(conf, nova, closed, tmp_path):
    """Notify as Nova does, while the service listens."""
    notifier = oslo_messaging.Notifier(
        oslo_messaging.get_notification_transport(conf), "nova-compute:h",
        driver="messagingv2", topics=[f"nova-{tmp_path.name}"])

    with running(Listener(conf, Deletions(nova, closed.put, 0.1)).run):
        # What is sent before the queue exists is not heard.
        time.sleep(2)
        yield lambda *args, **more: notifier.info(
            {}, *versioned(*args, **more))


def nothing(closed):
    with pytest.raises(queue.Empty):
        closed.get(timeout=2)
    return True


def test_a_deleted_instance_closes_its_lease(tell, closed):
    tell("i1")
    assert closed.get(timeout=30) == "i1"
    assert nothing(closed)


def test_a_lie_about_an_instance_that_lives_closes_nothing(
        tell, nova, closed):
    nova.place("i1", "host-a")
    tell("i1")
    tell("i2")
    assert closed.get(timeout=30) == "i2"
    assert nothing(closed)


def test_an_instance_that_is_about_to_go_is_waited_for(tell, nova, closed):
    nova.place("i1", "host-a")
    tell("i1")
    time.sleep(0.15)
    del nova.instances["i1"]
    assert closed.get(timeout=30) == "i1"


def test_while_nova_does_not_answer_the_notification_stays(
        tell, nova, closed):
    nova.down = True
    tell("i1")
    assert nothing(closed)
    nova.down = False
    assert closed.get(timeout=30) == "i1"


@pytest.mark.parametrize("event_type", [
    "instance.delete.start", "instance.soft_delete.end",
    "instance.delete.end.x", "instance.shelve.end", "instanceXdelete.end"])
def test_other_notifications_close_nothing(tell, closed, event_type):
    tell("i1", event_type=event_type)
    tell("i2")
    assert closed.get(timeout=30) == "i2"
    assert nothing(closed)


@pytest.mark.parametrize("payload", [
    None, {}, [], "text", {"nova_object.data": None},
    {"nova_object.data": {"uuid": 5}}, {"nova_object.data": {"uuid": ""}}])
def test_a_notification_without_an_instance_is_ignored(closed, nova, payload):
    handled = Deletions(nova, closed.put, 0).info(
        {}, "x", "instance.delete.end", payload, {})
    assert handled == oslo_messaging.NotificationResult.HANDLED
    assert closed.empty()
