# SPDX-License-Identifier: Apache-2.0
"""H1: service down, slow, 5xx, wrong certificate, partial JSON, redirect.

Seen by the client library over real sockets.  Nothing of it is a decision, so
each is Unavailable, in bounded time.
"""

from __future__ import annotations

import json
import socket
import ssl
import time

import pytest

from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire.codes import Code
from tests.fixtures import hostile
from tests.fixtures.clients import client_of

GOOD = json.dumps({"attesters": [], "next": None}).encode()
ERROR = json.dumps({"errors": [{
    "status": 503, "code": "release.unconfirmed", "title": "t",
    "detail": "Nova does not answer", "action": "wait",
    "request_id": "req-1"}]}).encode()


def refused(client) -> Unavailable:
    began = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        client.attesters_list()
    assert time.monotonic() - began < 5
    return raised.value


def test_truthful_server_is_understood(tmp_path):
    """The counter-test: only the attack makes the others fail."""
    with hostile.serving(hostile.says(hostile.answer(200, GOOD))) as (
            url, _):
        assert client_of(tmp_path, url).attesters_list() == []


def test_h1_down(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    exc = refused(client_of(tmp_path, f"http://127.0.0.1:{port}"))
    assert exc.code == Code.SERVICE_UNAVAILABLE


def trickle(data: bytes, pause: float = 0.1):
    def behave(sock: socket.socket) -> None:
        sock.recv(65536)
        for at in range(len(data)):
            sock.sendall(data[at:at + 1])
            time.sleep(pause)

    return behave


def silent(sock: socket.socket) -> None:
    sock.recv(65536)
    sock.recv(1)


@pytest.mark.parametrize("behave", [
    pytest.param(silent, id="no answer"),
    pytest.param(trickle(hostile.answer(200, GOOD)), id="slow headers"),
    pytest.param(lambda sock: (
        sock.recv(65536),
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"),
        trickle(b" " * 40)(sock)), id="slow body"),
])
def test_h1_slow(tmp_path, behave):
    with hostile.serving(behave) as (url, _):
        began = time.monotonic()
        refused(client_of(tmp_path, url, timeout=1))
        assert time.monotonic() - began < 2.5


def test_h1_slow_handshake(tmp_path):
    def behave(sock: socket.socket) -> None:
        trickle(b"\x16\x03\x03\x40\x00" + bytes(60))(sock)

    with hostile.serving(behave) as (url, _):
        refused(client_of(tmp_path, url.replace("http:", "https:"),
                          timeout=1))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_h1_server_error_of_somebody_else(tmp_path, status):
    page = hostile.answer(status, b"<html>", Content_Type="text/html")
    with hostile.serving(hostile.says(page)) as (url, _):
        exc = refused(client_of(tmp_path, url))
    assert exc.code == Code.SERVICE_UNAVAILABLE


def test_h1_server_error_of_the_service_has_its_reason(tmp_path):
    page = hostile.answer(503, ERROR, X_OpenStack_Request_ID="req-1")
    with hostile.serving(hostile.says(page)) as (url, _):
        exc = refused(client_of(tmp_path, url))
    assert exc.code == Code.RELEASE_UNCONFIRMED
    assert (exc.detail, exc.action, exc.request_id) == (
        "Nova does not answer", "wait", "req-1")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_h1_client_error_of_somebody_else_is_no_decision(tmp_path, status):
    page = hostile.answer(status, b'{"error": {"message": "proxy"}}')
    with hostile.serving(hostile.says(page)) as (url, _):
        client = client_of(tmp_path, url)
        refused(client)
        with pytest.raises(Unavailable):
            client.instance_show("i")


def test_h1_404_of_the_service_only_says_never_trusted(tmp_path):
    body = ERROR.replace(b"release.unconfirmed", b"receipt.unknown")
    with hostile.serving(hostile.says(hostile.answer(404, body))) as (
            url, _):
        assert client_of(tmp_path, url).instance_show("i") is None
    other = ERROR.replace(b"release.unconfirmed", b"request.not_found")
    with (hostile.serving(hostile.says(hostile.answer(404, other))) as (
            url, _), pytest.raises(Refused)):
        client_of(tmp_path, url).instance_show("i")


@pytest.mark.parametrize("body", [
    pytest.param(GOOD[:-1], id="cut JSON"),
    pytest.param(b"", id="empty"),
    pytest.param(b"[]", id="another type"),
    pytest.param(b'{"attesters": {}, "next": null}', id="another field"),
    pytest.param(b'{"attesters": [], "attesters": []}', id="twice"),
    pytest.param(b'{"attesters": NaN}', id="NaN"),
    pytest.param(b"[" * 100000, id="deep"),
    pytest.param(b"\xff\xfe", id="not UTF-8"),
    pytest.param(b'{"attesters": [1], "next": "x"}', id="endless list"),
])
def test_h1_partial_or_other_json(tmp_path, body):
    with hostile.serving(hostile.says(hostile.answer(200, body))) as (
            url, _):
        refused(client_of(tmp_path, url))


def test_h1_body_shorter_than_announced(tmp_path):
    page = hostile.answer(200, GOOD).replace(b"Content-Length: ",
                                             b"Content-Length: 1")
    with hostile.serving(hostile.says(page)) as (url, _):
        refused(client_of(tmp_path, url))


def test_h1_endless_body(tmp_path):
    def behave(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b" " * 65536)

    with hostile.serving(behave) as (url, _):
        exc = refused(client_of(tmp_path, url, timeout=4))
    assert "larger than" in str(exc)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_h1_redirect_is_not_followed(tmp_path, status):
    with hostile.serving(hostile.says(hostile.answer(200, GOOD))) as (
            elsewhere, seen):
        page = hostile.answer(status, Location=elsewhere + "/v1/attesters")
        with hostile.serving(hostile.says(page)) as (url, _):
            exc = refused(client_of(tmp_path, url))
    assert "redirect" in str(exc)
    assert seen == []


@pytest.mark.parametrize("wrong", ["unknown issuer", "other name", "expired"])
def test_h1_wrong_certificate(tmp_path, wrong):
    good = hostile.certificate(tmp_path / "good")
    context = {
        "unknown issuer": lambda: hostile.certificate(tmp_path / "x"),
        "other name": lambda: hostile.certificate(
            tmp_path / "good", "elsewhere"),
        "expired": lambda: hostile.certificate(tmp_path / "good", days=-1),
    }[wrong]()
    assert isinstance(good, ssl.SSLContext)
    with hostile.serving(hostile.says(hostile.answer(200, GOOD)),
                         context) as (url, _):
        refused(client_of(tmp_path, url,
                          cafile=tmp_path / "good" / "cert.pem"))


def test_right_certificate_is_accepted(tmp_path):
    context = hostile.certificate(tmp_path / "good")
    with hostile.serving(hostile.says(hostile.answer(200, GOOD)),
                         context) as (url, _):
        assert client_of(tmp_path, url, cafile=tmp_path / "good" / "cert.pem"
                         ).attesters_list() == []


@pytest.mark.parametrize("name", ["", ".", "..", "../keys"])
def test_i5_names_do_not_leave_their_place(tmp_path, name):
    seen = []

    def behave(sock: socket.socket) -> None:
        seen.append(sock.recv(65536).split(b" ")[1])
        sock.sendall(hostile.answer(200, b'{"attester": {}}'))

    with hostile.serving(behave) as (url, _):
        try:
            client_of(tmp_path, url).attester_show(name)
        except Refused as exc:
            assert exc.code == Code.REQUEST_NOT_FOUND
    assert all(p == b"/v1/attesters/..%2Fkeys" for p in seen)


def test_request_names_its_version_and_token(tmp_path):
    seen = []

    def behave(sock: socket.socket) -> None:
        seen.append(sock.recv(65536).decode())
        sock.sendall(hostile.answer(200, GOOD))

    with hostile.serving(behave) as (url, _):
        client_of(tmp_path, url).attesters_list(state="pending")
    assert "GET /v1/attesters?state=pending " in seen[0]
    assert "OpenStack-API-Version: host-attestation 1.0\r\n" in seen[0]
    assert "X-Auth-Token: agent-token\r\n" in seen[0]
