# SPDX-License-Identifier: Apache-2.0
"""B3 and B5 in the flows: a nonce is spent once, by whom it was made for."""

from __future__ import annotations

import concurrent.futures
import dataclasses

import pytest

from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from tests.fakes.cloud import Cloud


@pytest.fixture
def cloud():
    made = Cloud()
    made.profile()
    made.nova.place("vm-1", "host-1")
    made.nova.place("vm-2", "host-1")
    return made


@pytest.fixture
def host(cloud):
    return cloud.host()


def attest(cloud, evidence):
    return cloud.flows.attest(evidence, "agents", cloud.clock())


def answer(cloud, asked, evidence):
    return cloud.flows.answer_release(asked.release.id, evidence, "agents",
                                      cloud.clock())


def stale(call, *args):
    with pytest.raises(errors.StaleEvidence) as caught:
        call(*args)
    assert caught.value.code is Code.EVIDENCE_STALE


def race(call, times):
    """Call it at once from many threads; return what came of each."""
    def once(_):
        try:
            return call()
        except errors.Refusal as exc:
            return exc.code
    with concurrent.futures.ThreadPoolExecutor(times) as pool:
        return list(pool.map(once, range(times)))


def test_b3_nonce_spent_twice_refused(cloud, host):
    evidence = host.evidence(host.challenge())
    attest(cloud, evidence)
    stale(attest, cloud, evidence)


def test_b3_of_many_threads_one_wins(cloud, host):
    evidence = host.evidence(host.challenge())
    outcomes = race(lambda: attest(cloud, evidence), 16)
    assert outcomes.count(Code.EVIDENCE_STALE) == 15


def test_b3_of_many_answers_to_a_release_one_wins(cloud, host):
    asked = host.ask(profile="gold")
    evidence = asked.evidence()
    outcomes = race(lambda: answer(cloud, asked, evidence), 16)
    assert outcomes.count(Code.EVIDENCE_STALE) == 15
    assert cloud.store.tables.log.size() == 1


def test_b3_a_refused_answer_burns_the_nonce(cloud, host):
    asked = host.ask(profile="gold")
    with pytest.raises(errors.UnauthenticEvidence):
        asked.answer(signature=host.tpm.sign(b"something else"))
    stale(answer, cloud, asked, asked.evidence())


def test_b3_a_nonce_nobody_issued_refused(cloud, host):
    challenge = dataclasses.replace(host.challenge(), nonce=b"\1" * 32)
    stale(attest, cloud, host.evidence(challenge))


def test_b4_expired_nonces_refused(cloud, host):
    evidence = host.evidence(host.challenge())
    cloud.tick(seconds=cloud.settings.challenge_life.total_seconds())
    stale(attest, cloud, evidence)


def test_b5_nonce_of_another_attester_refused(cloud, host):
    other = cloud.host("host-2")
    stale(attest, cloud, host.evidence(other.challenge()))
    # It is still good for the one it was made for.
    evidence = other.evidence(other.challenge())
    attest(cloud, evidence)


def test_b5_foreign_nonce_is_not_burnt(cloud, host):
    other = cloud.host("host-2")
    challenge = other.challenge()
    stale(attest, cloud, host.evidence(challenge))
    attest(cloud, other.evidence(challenge))


def test_b5_nonce_for_attestation_refused_for_a_release(cloud, host):
    asked, challenge = host.ask(profile="gold"), host.challenge()
    for qualifying in (challenge.nonce,
                       asked.request.binding(challenge.nonce)):
        stale(answer, cloud, asked, host.evidence(challenge, qualifying))
    attest(cloud, host.evidence(challenge))


def test_b5_nonce_for_a_release_refused_for_attestation(cloud, host):
    asked = host.ask(profile="gold")
    stale(attest, cloud, asked.evidence())
    stale(attest, cloud, host.evidence(asked.challenge))
    asked.answer()


def test_b5_evidence_for_attestation_in_a_release_refused(cloud, host):
    asked = host.ask(profile="gold")
    stale(answer, cloud, asked, host.evidence(asked.challenge))


def test_b5_nonce_of_another_instances_release_refused(cloud, host):
    asked = host.ask("vm-1", profile="gold")
    other = host.ask("vm-2", profile="gold")
    stale(answer, cloud, asked, other.evidence())
    assert asked.kept.code == "evidence.stale"
    # The nonce of the other is gone as well: it was offered once.
    stale(answer, cloud, other, other.evidence())


def test_b5_nonce_with_the_request_of_another_release_refused(cloud, host):
    asked = host.ask("vm-1", profile="gold")
    other = host.ask("vm-2", profile="gold")
    binding = asked.request.binding(other.challenge.nonce)
    stale(answer, cloud, asked, host.evidence(other.challenge, binding))


@pytest.mark.parametrize("swap", [
    {"instance_id": "vm-2"}, {"profile": None}, {"key_id": "k"},
    {"launch_id": "t"}, {"image_id": "i"}, {"nonce_tpm": b"\1" * 32}])
def test_b5_request_swapped_after_the_quote_refused(cloud, host, swap):
    """A man in the middle changed what was asked for."""
    asked = host.ask("vm-1", profile="gold")
    meant = dataclasses.replace(asked.request, **swap)
    evidence = host.evidence(asked.challenge,
                             meant.binding(asked.challenge.nonce))
    stale(answer, cloud, asked, evidence)


def test_b6_nonces_of_challenges_and_releases_never_repeat():
    cloud = Cloud(open_challenges=10 ** 6, open_releases=10 ** 6)
    host = cloud.host()
    nonces = [c.nonce for c in (host.challenge() for _ in range(500))]
    nonces += [host.ask().challenge.nonce for _ in range(500)]
    assert len(set(nonces)) == 1000
    assert {len(n) for n in nonces} == {32}
