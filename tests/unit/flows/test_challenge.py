# SPDX-License-Identifier: Apache-2.0
"""Challenges: who gets one, and what it asks for."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service.core import errors
from nova_trusted_launch.wire.challenge import Purpose
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from tests.fakes.cloud import Cloud
from tests.unit.flows.judging import MAKER, document, pcr


def test_challenge(cloud, host):
    challenge = host.challenge()
    assert len(challenge.nonce) == 32
    assert (challenge.attester_id, challenge.purpose, challenge.subject,
            challenge.ima_offset) == (host.id, Purpose.ATTEST, "", 0)
    assert challenge.selection == PcrSelection(
        HashAlg.SHA256, frozenset(range(15)))
    assert challenge.expires_at == cloud.clock() + (
        cloud.settings.challenge_life)


def test_challenge_asks_for_what_profiles_and_seals_need():
    cloud = Cloud(registers=frozenset({0}), sealed_registers=frozenset({7}))
    host = cloud.host()
    cloud.profile(document=document({"any-of": [pcr(16, b"\0" * 32),
                                                MAKER]}))
    assert host.challenge().selection.registers == {0, 7, 16}


def test_b6_nonces_are_all_different(cloud, host):
    cloud.settings = dataclasses.replace(cloud.settings)
    nonces = {cloud.random.bytes(32) for _ in range(10_000)}
    assert len(nonces) == 10_000
    assert {len(n) for n in nonces} == {32}


@pytest.mark.parametrize(("user", "code"), [
    ("mallory", Code.REQUEST_FORBIDDEN), ("agents", None)])
def test_only_the_enrolling_user_may_ask(cloud, host, user, code):
    def ask():
        return cloud.flows.challenge(host.id, user, cloud.clock())
    if code is None:
        ask()
        return
    with pytest.raises(errors.Forbidden) as refused:
        ask()
    assert refused.value.code is code


def test_a_pending_attester_gets_no_challenge(cloud):
    host = cloud.host(enrol=False)
    host.enrol(approve=False)
    with pytest.raises(errors.Forbidden) as refused:
        host.challenge()
    assert refused.value.code is Code.ATTESTER_PENDING


def test_i8_a_retired_attester_gets_no_challenge(cloud, host):
    cloud.flows.attesters.retire(host.id, cloud.clock())
    with pytest.raises(errors.Forbidden) as refused:
        host.challenge()
    assert refused.value.code is Code.ATTESTER_RETIRED


def test_nobody_gets_a_challenge_for_an_unknown_attester(cloud):
    with pytest.raises(errors.Unknown):
        cloud.flows.challenge("nobody", "agents", cloud.clock())


def test_i4_open_challenges_are_bounded(cloud, host):
    for _ in range(cloud.settings.open_challenges):
        host.challenge()
    with pytest.raises(errors.LimitReached):
        host.challenge()
    cloud.tick(seconds=cloud.settings.challenge_life.total_seconds())
    host.challenge()
