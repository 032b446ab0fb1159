# SPDX-License-Identifier: Apache-2.0
"""B1, B4, B5, B6 over HTTP: a nonce is for one answer of one sort."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service import deploy
from nova_trusted_launch.wire.challenge import NONCE_SIZE
from tests.fixtures.host import Host, good, profile, refusal
from tests.fixtures.service import AttestationServiceFixture

STALE = (409, "evidence.stale")


def asked(service, host, **more):
    """Return a request that would be granted."""
    request = host.request(image_id="image-1", profile="baseline", **more)
    service.nova.place(request.instance_id, host.name)
    return request


def test_b1_evidence_sent_again_refused(service, host):
    evidence = host.evidence(host.challenge())
    good(host.submit(evidence), 201)
    assert refusal(host.submit(evidence)) == STALE


def test_b1_old_quote_for_a_new_nonce_refused(service, host):
    old = host.evidence(host.challenge())
    new = dataclasses.replace(old, nonce=host.challenge().nonce)
    assert refusal(host.submit(new)) == STALE
    # A bad answer burns the nonce.
    right = host.tpm.quote(new.nonce, new.pcrs.selection)
    assert refusal(host.submit(dataclasses.replace(
        new, quote=right[0], signature=right[1]))) == STALE


def test_b4_expired_nonce_refused(service, host):
    challenge, request = host.challenge(), asked(service, host)
    opened = host.open(request)
    service.clock.tick(seconds=60)
    assert refusal(host.submit(host.evidence(challenge))) == STALE
    assert refusal(host.answer(request, *opened)) == (403, "release.expired")


def test_b4_nonce_just_in_time(service, host):
    challenge = host.challenge()
    service.clock.tick(seconds=59)
    good(host.submit(host.evidence(challenge)), 201)


def test_b5_nonce_of_another_attester_refused(service, host):
    other = Host(service, "host-2").enrol()
    stolen = other.challenge()
    assert refusal(host.submit(host.evidence(stolen))) == STALE
    # And it still belongs to whom it was issued to.
    good(other.submit(other.evidence(stolen)), 201)


def test_b5_nonce_of_another_purpose_refused(service, host):
    request = asked(service, host)
    release_id, for_release = host.open(request)
    assert refusal(host.submit(host.evidence(for_release))) == STALE
    assert refusal(host.answer(request, release_id, host.challenge())
                   ) == STALE


@pytest.mark.parametrize("same_instance", [False, True])
def test_b5_nonce_of_another_release_refused(service, host, same_instance):
    first = asked(service, host)
    second = asked(service, host, instance_id=(
        first.instance_id if same_instance else None))
    (first_id, _), (_, nonce) = host.open(first), host.open(second)
    for request in (first, second):
        assert refusal(host.answer(request, first_id, nonce)) == STALE


def test_b5_quote_for_another_request_refused(service, host):
    request = asked(service, host)
    release_id, challenge = host.open(request)
    for changed in ({"instance_id": "other"}, {"profile": "other"},
                    {"image_id": None}, {"nonce_tpm": bytes(32)}):
        told = dataclasses.replace(request, **changed)
        answer = host.answer(told, release_id, challenge)
        assert refusal(answer) == STALE
        release_id, challenge = host.open(request)


def distinct_and_whole(nonces):
    """Assert what a nonce must be; no byte is fixed or nearly so."""
    assert len(set(nonces)) == len(nonces)
    assert {len(nonce) for nonce in nonces} == {NONCE_SIZE}
    for place in range(NONCE_SIZE):
        assert len({nonce[place] for nonce in nonces}) > 100


def test_b6_ten_thousand_nonces_differ():
    random = deploy.SystemRandomness()
    distinct_and_whole([random.bytes(NONCE_SIZE) for _ in range(10_000)])


def test_b6_nonces_over_http_are_those(tmp_path):
    with AttestationServiceFixture(tmp_path, limits__open_challenges=200,
                                   limits__open_releases=200) as service:
        host = Host(service).enrol()
        nonces = [host.challenge().nonce for _ in range(200)]
        request = host.request(profile="baseline")
        nonces += [host.open(request)[1].nonce for _ in range(200)]
        distinct_and_whole(nonces)


def test_b7_a_profile_may_demand_a_safe_clock(service, host):
    profile(service, "clocked", require=[{"tpm-clock": {"safe": True}}])
    host.attest()
    assert tiers(service) == {"baseline": "affirming",
                              "clocked": "affirming"}
    host.tpm.safe = False
    host.attest()
    assert tiers(service) == {"baseline": "affirming",
                              "clocked": "contraindicated"}


def tiers(service):
    return {result["profile"]: result["tier"] for result in good(
        service.ask("admin", "GET", "/v1/results"))["results"]}
