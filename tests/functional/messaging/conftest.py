# SPDX-License-Identifier: Apache-2.0
"""A real RabbitMQ, a store with an outbox, and who listens."""

from __future__ import annotations

import contextlib
import queue
import threading

import oslo_messaging
import pytest
from oslo_config import cfg

from attestation_service import conf as options
from attestation_service.store import database, migrate
from attestation_service.store.store import SqlStore
from tests.fixtures.rabbitmq import rabbitmq


@pytest.fixture(scope="session")
def broker():
    with rabbitmq() as running:
        yield running


@pytest.fixture
def conf(broker, tmp_path):
    return configure(tmp_path / "service.conf", broker.url)


def configure(path, url):
    # Each test has topics of its own, so that none hears another.
    path.write_text(
        f"[DEFAULT]\ntransport_url = {url}\n"
        f"[oslo_messaging_notifications]\ntopics = {path.parent.name}\n"
        f"[messaging]\nnova_topics = nova-{path.parent.name}\n")
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], default_config_files=[str(path)])
    return conf


@pytest.fixture
def store(tmp_path):
    sql = database.connect(f"sqlite:///{tmp_path / 'service.db'}")
    migrate.sync(sql)
    yield SqlStore(sql)
    sql.dispose()


@pytest.fixture
def heard(conf, broker, tmp_path):
    """What another service hears on our topic."""
    with listening(conf, tmp_path.name) as found:
        yield found


@contextlib.contextmanager
def listening(conf, topic):
    found = queue.Queue()

    class Endpoint:
        def info(self, ctxt, publisher_id, event_type, payload, metadata):
            found.put((publisher_id, event_type, payload,
                       metadata["timestamp"]))

    transport = oslo_messaging.get_notification_transport(conf)
    listener = oslo_messaging.get_notification_listener(
        transport, [oslo_messaging.Target(topic=topic)], [Endpoint()],
        executor="threading")
    listener.start()
    try:
        yield found
    finally:
        listener.stop()
        listener.wait()
        transport.cleanup()


@contextlib.contextmanager
def running(work):
    """Run a thread of the service's background."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
