# SPDX-License-Identifier: Apache-2.0
"""The contract of ``ports.Challenges``."""

from __future__ import annotations

import pytest

from attestation_service.core import errors
from nova_trusted_launch.wire.challenge import Purpose
from tests.contract import samples

NONCE = samples.challenge().nonce


def issue(store, *challenges, most_open=9, now=samples.NOW):
    with store.unit() as unit:
        for challenge in challenges:
            unit.challenges.issue(challenge, most_open=most_open, now=now)


def test_a_nonce_is_spent_once(store):
    issue(store, samples.challenge())
    with store.unit() as unit:
        assert unit.challenges.spend(
            NONCE, "a1", Purpose.ATTEST) == samples.challenge()
    with store.unit() as unit, pytest.raises(errors.StaleEvidence):
        unit.challenges.spend(NONCE, "a1", Purpose.ATTEST)


def test_a_nonce_is_spent_once_within_a_unit(store):
    issue(store, samples.challenge())
    with store.unit() as unit:
        unit.challenges.spend(NONCE, "a1", Purpose.ATTEST)
        with pytest.raises(errors.StaleEvidence):
            unit.challenges.spend(NONCE, "a1", Purpose.ATTEST)


@pytest.mark.parametrize("nonce, attester_id, purpose", [
    pytest.param(samples.hashed("other"), "a1", Purpose.ATTEST,
                 id="never issued"),
    pytest.param(NONCE, "a2", Purpose.ATTEST, id="of another attester"),
    pytest.param(NONCE, "A1", Purpose.ATTEST, id="of a look-alike"),
    pytest.param(NONCE, "a1", Purpose.RELEASE, id="for another purpose"),
    pytest.param(NONCE[:-1], "a1", Purpose.ATTEST, id="a prefix"),
    pytest.param(NONCE + b"\0", "a1", Purpose.ATTEST, id="padded"),
    pytest.param(b"", "a1", Purpose.ATTEST, id="empty")])
def test_what_is_not_the_nonce_spends_nothing(store, nonce, attester_id,
                                              purpose):
    issue(store, samples.challenge())
    with store.unit() as unit, pytest.raises(errors.StaleEvidence):
        unit.challenges.spend(nonce, attester_id, purpose)
    with store.unit() as unit:
        unit.challenges.spend(NONCE, "a1", Purpose.ATTEST)


def test_an_undone_unit_spends_nothing(store):
    issue(store, samples.challenge())
    with pytest.raises(ZeroDivisionError), store.unit() as unit:
        unit.challenges.spend(NONCE, "a1", Purpose.ATTEST)
        raise ZeroDivisionError
    with store.unit() as unit:
        unit.challenges.spend(NONCE, "a1", Purpose.ATTEST)


def test_open_challenges_are_bounded_for_each_purpose(store):
    issue(store, samples.challenge("n1"), samples.challenge("n2"),
          most_open=2)
    with pytest.raises(errors.LimitReached):
        issue(store, samples.challenge("n3"), most_open=2)
    issue(store, samples.challenge("n4", purpose=Purpose.RELEASE),
          samples.challenge("n5", attester_id="a2"), most_open=2)
    # Those that expired do not count.
    issue(store, samples.challenge("n3"), most_open=2, now=samples.at(60))


def test_expired_challenges_and_enrolments_are_forgotten(store):
    issue(store, samples.challenge("n1"),
          samples.challenge("n2", expires_at=samples.at(61)))
    with store.unit() as unit:
        unit.attesters.begin(samples.enrolment(), most_open=1,
                             now=samples.NOW)
        assert unit.challenges.forget_expired(samples.at(59)) == 0
        assert unit.challenges.forget_expired(samples.at(60)) == 2
    with store.unit() as unit:
        with pytest.raises(errors.StaleEvidence):
            unit.challenges.spend(samples.hashed("n1"), "a1", Purpose.ATTEST)
        unit.challenges.spend(samples.hashed("n2"), "a1", Purpose.ATTEST)
