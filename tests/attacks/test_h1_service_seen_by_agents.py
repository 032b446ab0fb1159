# SPDX-License-Identifier: Apache-2.0
"""H1, seen by an agent and by nova-compute through it.

Whatever answers instead of the service, the instance gets no key, in bounded
time, with a code that says nobody decided; the host stays who it is, and its
TPM is left clean.
"""

from __future__ import annotations

import json
import os
import time

import pytest

from nova_trusted_launch.agent.attester import Attester, Collector
from nova_trusted_launch.agent.identity import Identities, name_of
from nova_trusted_launch.agent.logs import HostLogs
from nova_trusted_launch.agent.loop import AttestLoop, Journal
from nova_trusted_launch.agent.operations import Operations
from nova_trusted_launch.agent.pace import Pace
from nova_trusted_launch.agent.server import SocketOptions, SocketServer
from nova_trusted_launch.agent.state import Identity, StateError, StateFile
from nova_trusted_launch.agent.unseal import Releaser
from nova_trusted_launch.client.agent import AgentClient
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from tests.fakes.agent_tpm import PortedTpm
from tests.fakes.attestation import later, SELECTION
from tests.fixtures import hostile
from tests.fixtures.clients import client_of

CHALLENGE = Challenge(b"n" * 32, "attester-1", Purpose.RELEASE, SELECTION, 0,
                      later(), "release-1").to_dict()
OPENED = json.dumps({"release": {}, "challenge": CHALLENGE}).encode()


def then(first: bytes, behave):
    """Answer the first request well, and the next ones by ``behave``."""
    count = []

    def either(sock):
        count.append(1)
        if len(count) == 1:
            hostile.says(hostile.answer(201, first,
                                        Connection="close"))(sock)
        else:
            behave(sock)

    return either


def silent(sock):
    sock.recv(65536)
    sock.recv(1)


BEHAVIOURS = {
    "gone": lambda sock: None,
    "silent": silent,
    "500": hostile.says(hostile.answer(500, b"oops")),
    "503": hostile.says(hostile.answer(503, b"")),
    "partial": hostile.says(hostile.answer(201, OPENED[:-2])),
    "other": hostile.says(hostile.answer(201, b'{"challenge": {}}')),
    "redirect": hostile.says(hostile.answer(307, Location="/elsewhere")),
    "proxy": hostile.says(hostile.answer(404, b"<html>not found")),
    "nonsense": hostile.says(b"SSH-2.0-x\r\n"),
    "for another": hostile.says(hostile.answer(201, json.dumps({
        "challenge": {**CHALLENGE, "attester_id": "a"}}).encode())),
    "to attest": hostile.says(hostile.answer(201, json.dumps({
        "challenge": {**CHALLENGE, "purpose": "attest"}}).encode())),
}


class Host:
    """An agent with its socket, over whatever is at ``url``."""

    def __init__(self, folder, url, **options) -> None:
        self.tpm = PortedTpm()
        self.state = StateFile(str(folder / "agent.json"))
        unique = os.urandom(32)
        self.identity = Identity(unique, name_of(self.tpm.ak_public(unique)),
                                 "host", "attester-1", 1)
        self.state.save(self.identity)
        client = client_of(folder, url, timeout=1, **options)
        identities = Identities(self.tpm, client, self.state, "host",
                                os.urandom)
        collector = Collector(self.tpm, HostLogs("", ""))
        self.loop = AttestLoop(
            Attester(identities, client, collector), identities, Journal(),
            Pace(100, 2, 30, 0), lambda: 0.0)
        releaser = Releaser(self.tpm, identities, client, collector,
                            parallel=2, patience=1)
        self.path = str(folder / "agent.sock")
        self.server = SocketServer(SocketOptions(self.path), Operations(
            releaser, client, identities, self.loop, Journal(),
            host="host").table())

    def __enter__(self):
        self.server.start()
        return AgentClient(self.path, 10)

    def __exit__(self, *_):
        self.server.stop()
        assert self.tpm.open_sessions == 0
        assert self.state.load() == self.identity


def refused(ask) -> Unavailable:
    began = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        ask()
    assert time.monotonic() - began < 5
    return raised.value


@pytest.mark.parametrize("behave", BEHAVIOURS)
def test_h1_release_is_refused(tmp_path, behave):
    with hostile.serving(BEHAVIOURS[behave]) as (url, _), \
            Host(tmp_path, url) as agent:
        exc = refused(lambda: agent.release("i", Action.SPAWN))
    assert exc.code == Code.SERVICE_UNAVAILABLE


@pytest.mark.parametrize("behave", BEHAVIOURS)
def test_h1_release_is_refused_after_a_good_start(tmp_path, behave):
    with hostile.serving(then(OPENED, BEHAVIOURS[behave])) as (url, _), \
            Host(tmp_path, url) as agent:
        exc = refused(lambda: agent.release("i", Action.SPAWN))
    assert exc.code == Code.SERVICE_UNAVAILABLE


@pytest.mark.parametrize("behave", BEHAVIOURS)
def test_h1_never_trusted_is_not_what_a_broken_service_says(tmp_path,
                                                            behave):
    with hostile.serving(BEHAVIOURS[behave]) as (url, _), \
            Host(tmp_path, url) as agent:
        refused(lambda: agent.instance("i"))
        refused(lambda: agent.close("i"))


@pytest.mark.parametrize("behave", BEHAVIOURS)
def test_h1_attestation_is_tried_again(tmp_path, behave):
    with hostile.serving(BEHAVIOURS[behave]) as (url, _):
        host = Host(tmp_path, url)
        with host:
            assert [host.loop.step() for _ in range(2)] == [2, 4]


def test_h1_wrong_certificate(tmp_path):
    hostile.certificate(tmp_path / "good")
    context = hostile.certificate(tmp_path / "other")
    seen = []

    def behave(sock):
        seen.append(sock.recv(65536))

    with hostile.serving(behave, context) as (url, _), Host(
            tmp_path, url,
            cafile=tmp_path / "good" / "cert.pem") as agent:
        refused(lambda: agent.release("i", Action.SPAWN))
    assert seen == []


def test_h1_agent_down(tmp_path):
    exc = refused(lambda: AgentClient(
        str(tmp_path / "no.sock"), 1).release("i", Action.SPAWN))
    assert exc.code == Code.AGENT_UNAVAILABLE


@pytest.mark.parametrize("change", [
    pytest.param(lambda c: c.pop("subject"), id="without subject"),
    pytest.param(lambda c: c.pop("purpose"), id="without purpose"),
    pytest.param(lambda c: c.update(version=0), id="with a version"),
    pytest.param(lambda c: c.update(nonce="AAAA"), id="short nonce"),
    pytest.param(lambda c: c.update(selection={"sha1": [0]}), id="SHA-1"),
    pytest.param(lambda c: c.update(selection={"sha256": []}),
                 id="no registers"),
])
def test_h7_challenge_of_an_older_protocol_is_not_answered(tmp_path, change):
    challenge = dict(CHALLENGE)
    change(challenge)
    body = json.dumps({"challenge": challenge}).encode()
    with hostile.serving(hostile.says(hostile.answer(201, body))) as (
            url, _):
        host = Host(tmp_path, url)
        with host as agent:
            refused(lambda: agent.release("i", Action.SPAWN))
        assert host.tpm.urgent == []


def test_h7_service_of_an_older_version_is_a_refusal(tmp_path):
    body = json.dumps({"errors": [{
        "status": 406, "code": "request.version", "title": "t",
        "detail": "this service speaks 0.9", "action": "a",
        "request_id": "r"}]}).encode()
    with hostile.serving(hostile.says(hostile.answer(406, body))) as (
            url, _):
        host = Host(tmp_path, url)
        with host as agent, pytest.raises(Refused) as raised:
            agent.release("i", Action.SPAWN)
    assert raised.value.code == Code.REQUEST_VERSION
    assert host.tpm.urgent == []


def test_h7_state_of_another_version_is_not_guessed_at(tmp_path):
    Host(tmp_path, "http://127.0.0.1:9")
    raw = (tmp_path / "agent.json").read_text()
    (tmp_path / "agent.json").write_text(
        raw.replace('"format":1', '"format":0'))
    with pytest.raises(StateError, match="another version"):
        StateFile(str(tmp_path / "agent.json")).load()
