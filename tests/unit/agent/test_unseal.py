# SPDX-License-Identifier: Apache-2.0
"""A release ends in keys, or in a refusal and a clean TPM."""

from __future__ import annotations

import dataclasses
import hashlib
import threading

import pytest

from nova_trusted_launch.agent.tpm import SealRefused, TpmError
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire.challenge import Purpose
from nova_trusted_launch.wire.codes import Code
from tests.fakes.attestation import BUNDLE

WANTED = {"instance_id": "instance-1", "action": "spawn", "profile": "gold",
          "image_id": "image-1", "key_id": None, "launch_id": None}


@pytest.fixture
def enrolled(host):
    host.identities.ensure()
    yield host
    assert host.tpm.open_sessions == 0


def test_release_returns_the_keys(enrolled):
    keys = enrolled.releaser.release(WANTED)
    assert (keys.disk_key, keys.image_key, keys.nonce) == (
        BUNDLE.disk_key, BUNDLE.image_key, BUNDLE.nonce)
    assert (keys.release_id, keys.log_index) == ("release-1", 7)
    assert keys.image_digest == hashlib.sha256(b"image").digest()
    (request,) = enrolled.service.requests
    assert request.instance_id == "instance-1"
    assert enrolled.tpm.urgent == [True]


def test_keys_do_not_show_themselves(enrolled):
    shown = repr(enrolled.releaser.release(WANTED))
    for secret in (BUNDLE.disk_key, BUNDLE.image_key, BUNDLE.nonce):
        assert repr(secret) not in shown
        assert secret.hex() not in shown


def test_each_release_has_its_own_session(enrolled):
    enrolled.releaser.release(WANTED)
    enrolled.releaser.release(WANTED)
    one, two = enrolled.service.requests
    assert one.nonce_tpm != two.nonce_tpm


def test_release_notes_the_boot(enrolled):
    enrolled.releaser.release(WANTED)
    assert enrolled.identities.current().reset_count == 1


def test_host_that_is_not_enrolled_gets_nothing(host):
    with pytest.raises(Unavailable) as refused:
        host.releaser.release(WANTED)
    assert refused.value.code == Code.AGENT_UNAVAILABLE
    assert host.service.calls == []


@pytest.mark.parametrize("change", [
    {"action": "dance"}, {"instance_id": ""}, {"profile": 1},
    {"extra": "field"}])
def test_malformed_request_is_refused_before_the_service(enrolled, change):
    with pytest.raises(Refused) as refused:
        enrolled.releaser.release(WANTED | change)
    assert refused.value.code == Code.REQUEST_INVALID
    assert enrolled.service.requests == []


def test_caller_cannot_speak_for_another_host(enrolled):
    enrolled.releaser.release(WANTED | {
        "attester_id": "attester-9", "nonce_tpm": "AAAA"})
    (request,) = enrolled.service.requests
    assert request.attester_id == "attester-0"
    assert len(request.nonce_tpm) == 32


def lie(service, method, **changes):
    service.lies[method] = lambda answer: dataclasses.replace(
        answer, **changes)


@pytest.mark.parametrize("change", [
    {"attester_id": "somebody"}, {"purpose": Purpose.ATTEST}])
def test_b5_challenge_for_something_else_is_not_answered(enrolled, change):
    lie(enrolled.service, "release_request", **change)
    with pytest.raises(Unavailable):
        enrolled.releaser.release(WANTED)


def test_answer_of_another_release_is_refused(enrolled):
    lie(enrolled.service, "release_answer", release_id="release-9")
    with pytest.raises(Unavailable, match="another release"):
        enrolled.releaser.release(WANTED)


def test_e4_extend_after_the_answer_is_refused(enrolled):
    def extended(answer):
        enrolled.tpm.chip.extend(4, b"x" * 32)
        return answer

    enrolled.service.lies["release_answer"] = extended
    with pytest.raises(SealRefused):
        enrolled.releaser.release(WANTED)


def test_e5_extend_before_the_quote_seals_to_what_was_quoted(enrolled):
    """The service judges what the quote says: here it has no profile."""
    def extended(challenge):
        enrolled.tpm.chip.extend(4, b"x" * 32)
        return challenge

    enrolled.service.lies["release_request"] = extended
    assert enrolled.releaser.release(WANTED).disk_key == BUNDLE.disk_key


def test_e6_answer_replayed_in_a_new_session_is_refused(enrolled):
    kept = []
    enrolled.service.lies["release_answer"] = lambda a: kept.append(a) or a
    enrolled.releaser.release(WANTED)
    enrolled.service.lies["release_answer"] = lambda answer: (
        dataclasses.replace(answer, sealed_key=kept[0].sealed_key))
    with pytest.raises(SealRefused):
        enrolled.releaser.release(WANTED)


@pytest.mark.parametrize("bundle", [
    pytest.param(lambda b: b[:-1] + bytes([b[-1] ^ 1]), id="flipped"),
    pytest.param(lambda b: b[:20], id="short"),
    pytest.param(lambda b: b"", id="empty"),
])
def test_changed_bundle_is_refused_without_showing_it(enrolled, bundle):
    enrolled.service.lies["release_answer"] = lambda answer: (
        dataclasses.replace(answer, sealed_key=dataclasses.replace(
            answer.sealed_key, bundle=bundle(answer.sealed_key.bundle))))
    with pytest.raises(SealRefused) as refused:
        enrolled.releaser.release(WANTED)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("method", ["release_request", "release_answer"])
@pytest.mark.parametrize("failure", [
    Unavailable("down"), Refused(Code.RELEASE_NOT_AFFIRMING, "bad host")])
def test_what_the_service_says_is_passed_on(enrolled, method, failure):
    def fail(_answer):
        raise failure

    enrolled.service.lies[method] = fail
    with pytest.raises(type(failure)) as raised:
        enrolled.releaser.release(WANTED)
    assert raised.value is failure


def test_broken_tpm_is_an_error(enrolled):
    enrolled.tpm.broken = True
    with pytest.raises(TpmError):
        enrolled.releaser.release(WANTED)


def test_no_more_sessions_than_the_tpm_has(enrolled):
    gate, inside = threading.Event(), threading.Semaphore(0)

    def slow(challenge):
        inside.release()
        gate.wait(10)
        return challenge

    enrolled.service.lies["release_request"] = slow
    threads = [threading.Thread(target=enrolled.releaser.release,
                                args=(WANTED,)) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=5)
    with pytest.raises(Unavailable, match="too many"):
        enrolled.releaser.release(WANTED)
    assert enrolled.tpm.open_sessions == 2
    gate.set()
    for thread in threads:
        thread.join(10)
