# SPDX-License-Identifier: Apache-2.0
"""The socket: who may ask, how much, and what never happens."""

from __future__ import annotations

import logging
import os
import pathlib
import queue
import socket
import stat
import struct
import threading
import time

import pytest

from nova_trusted_launch.agent import server as module
from nova_trusted_launch.agent.server import SocketOptions, SocketServer
from nova_trusted_launch.agent.server import SocketTaken
from nova_trusted_launch.agent.state import StateError
from nova_trusted_launch.agent.tpm import SealRefused
from nova_trusted_launch.client import frames
from nova_trusted_launch.client.agent import AgentClient
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire.codes import Code

SECRET = "5ec2e7" * 10


class Table:
    """Operations that tests steer."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.inside = threading.Semaphore(0)
        self.failure: Exception | None = None

    def operations(self):
        return {"status": self.status, "release": self.release,
                "instance": lambda request: None}

    def status(self, request):
        if self.failure is not None:
            raise self.failure
        return request

    def release(self, request):
        self.inside.release()
        self.gate.wait(10)
        return {"disk_key": SECRET}


@pytest.fixture
def table():
    return Table()


@pytest.fixture
def running(tmp_path, table):
    server = SocketServer(SocketOptions(
        str(tmp_path / "run" / "agent.sock"), connections=2, timeout=1.0),
        table.operations())
    server.start()
    yield server
    table.gate.set()
    server.stop()


@pytest.fixture
def path(running) -> str:
    return running._options.path


def ask(path: str, request) -> object:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        frames.send(sock, request, time.monotonic() + 5)
        return frames.receive(sock, time.monotonic() + 5)


def test_answers_what_is_asked(path):
    assert ask(path, {"op": "status", "x": 1}) == {"ok": {"x": 1}}


def test_socket_is_for_its_owner_only(path):
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_socket_belongs_to_the_first_user(tmp_path):
    server = SocketServer(SocketOptions(
        str(tmp_path / "agent.sock"), users=("65533", "65534")), {})
    server.start()
    assert os.stat(tmp_path / "agent.sock").st_uid == 65533
    server.stop()


def test_user_who_is_not_allowed_gets_no_answer(path, monkeypatch, caplog):
    class Credentials(struct.Struct):
        def unpack(self, _data):
            return 4711, 65534, 65534

    monkeypatch.setattr(module, "_CREDENTIALS", Credentials("iII"))
    with pytest.raises((module.WireError, OSError)):
        ask(path, {"op": "status"})
    assert "user 65534 is not allowed" in caplog.text


@pytest.mark.parametrize("request_", [
    [], "x", {}, {"op": None}, {"op": "shutdown"}, {"op": ["status"]}])
def test_unknown_operation_is_refused(path, request_):
    error = ask(path, request_)["error"]
    assert error["code"] == Code.REQUEST_INVALID


@pytest.mark.parametrize("raw", [
    pytest.param(b"\xff\xff\xff\xff", id="absurd length"),
    pytest.param(b"\0\0\0\2{]", id="not JSON"),
    pytest.param(b"\0\0\0\x0d" + b'{"a":1,"a":2}', id="duplicate keys"),
    pytest.param(b"\0\0\0\x40" + b"[" * 64, id="deep"),
])
def test_i5_malformed_frame_is_refused(path, raw):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(raw)
        reply = frames.receive(sock, time.monotonic() + 5)
    assert reply["error"]["code"] == Code.REQUEST_INVALID


@pytest.mark.parametrize("failure, code", [
    (Refused(Code.RELEASE_EXPIRED, "late\nnew line"), "release.expired"),
    (Unavailable("down"), "service.unavailable"),
    (SealRefused("other state"), "seal.refused"),
    (StateError("disk"), "agent.unavailable"),
    (Refused("future.code", "x" * 5000), "future.code"),
    (Refused(Code.RELEASE_EXPIRED, ""), "release.expired"),
])
def test_failures_travel_with_their_code(path, table, failure, code):
    table.failure = failure
    with pytest.raises((Refused, Unavailable)) as raised:
        AgentClient(path, 5).status()
    assert raised.value.code == code
    assert "\n" not in raised.value.detail


def test_h2_bug_in_an_operation_is_no_answer_and_no_end(path, table,
                                                        monkeypatch):
    failures: queue.SimpleQueue = queue.SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", failures.put)
    table.failure = ZeroDivisionError("our bug")
    with pytest.raises(Unavailable) as raised:
        AgentClient(path, 5).status()
    assert raised.value.code == Code.AGENT_UNAVAILABLE
    table.failure = None
    assert AgentClient(path, 5).status() == {}
    # The peer hears the connection end before the thread has.
    assert failures.get(timeout=10).exc_type is ZeroDivisionError
    assert failures.empty()


def test_slow_peer_does_not_hold_the_server(path):
    peers = [socket.socket(socket.AF_UNIX) for _ in range(4)]
    for peer in peers:
        peer.connect(path)
        peer.sendall(b"\0")
    began = time.monotonic()
    assert AgentClient(path, 10).status() == {}
    assert time.monotonic() - began < 5
    for peer in peers:
        peer.close()


def test_no_more_than_so_many_at_once(path, table):
    threads = [threading.Thread(target=ask, args=(path, {"op": "release"}))
               for _ in range(3)]
    for thread in threads:
        thread.start()
    assert table.inside.acquire(timeout=5)
    assert table.inside.acquire(timeout=5)
    assert not table.inside.acquire(timeout=0.3)
    table.gate.set()
    assert table.inside.acquire(timeout=5)
    for thread in threads:
        thread.join(5)


def test_e7_replies_are_not_logged(path, table, caplog):
    caplog.set_level(logging.DEBUG)
    table.gate.set()
    assert ask(path, {"op": "release"}) == {"ok": {"disk_key": SECRET}}
    assert SECRET not in caplog.text


def test_stopped_server_is_unavailable(running, path):
    running.stop()
    assert not os.path.exists(path)
    with pytest.raises(Unavailable) as raised:
        AgentClient(path, 1).status()
    assert raised.value.code == Code.AGENT_UNAVAILABLE


def test_stop_waits_for_what_is_under_way(running, path, table):
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(ask(path, {"op": "release"})))
    thread.start()
    assert table.inside.acquire(timeout=5)
    threading.Timer(0.2, table.gate.set).start()
    running.stop()
    thread.join(5)
    assert answers == [{"ok": {"disk_key": SECRET}}]


def test_second_agent_does_not_take_the_socket(running, path):
    with pytest.raises(SocketTaken):
        SocketServer(SocketOptions(path), {}).start()
    assert AgentClient(path, 5).status() == {}


def test_socket_of_a_killed_agent_is_replaced(tmp_path, table):
    path = str(tmp_path / "agent.sock")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.close()
    server = SocketServer(SocketOptions(path), table.operations())
    server.start()
    assert AgentClient(path, 5).status() == {}
    server.stop()


def test_file_in_the_way_is_not_touched(tmp_path):
    path = pathlib.Path(tmp_path / "agent.sock")
    path.write_text("precious")
    with pytest.raises(SocketTaken, match="not a socket"):
        SocketServer(SocketOptions(str(path)), {}).start()
    assert path.read_text() == "precious"


def test_users_that_do_not_exist_are_left_out(caplog):
    assert module.allowed(["root", "no-such-user", "1234"]) == (
        "root", "1234")
    assert "no-such-user" in caplog.text
