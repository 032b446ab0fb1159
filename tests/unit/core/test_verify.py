# SPDX-License-Identifier: Apache-2.0
"""Evidence is believed when it answers the challenge that was spent for it."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from attestation_service.core.errors import (
    MalformedEvidence, StaleEvidence, UnauthenticEvidence)
from attestation_service.core.verify import verify_evidence
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from nova_trusted_launch.wire.evidence import Evidence
from tests.fakes.tpm import FakeTpm

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
ASKED = PcrSelection(HashAlg.SHA256, frozenset(range(15)))
CHALLENGE = Challenge(bytes(range(32)), "host-a", Purpose.ATTEST, ASKED, 500,
                      NOW + datetime.timedelta(seconds=60))
TPM = FakeTpm()


def answer(qualifying=CHALLENGE.nonce, tpm=TPM, **changed):
    attest, signature = tpm.quote(qualifying, ASKED)
    return dataclasses.replace(Evidence(
        "host-a", CHALLENGE.nonce, attest, signature,
        tpm.bank(ASKED.registers), b"boot", b"ima", 500), **changed)


def verify(evidence, **changed):
    return verify_evidence(evidence, **{
        "ak": TPM.ak, "challenge": CHALLENGE, "qualifying": CHALLENGE.nonce,
        "now": NOW} | changed)


def test_answer_to_the_challenge_is_believed():
    proven = verify(answer())
    assert proven.quote.pcrs == TPM.bank(ASKED.registers)
    assert (proven.untrusted_boot_log, proven.untrusted_ima_log,
            proven.ima_offset) == (b"boot", b"ima", 500)


def test_logs_may_be_absent_and_the_list_whole():
    proven = verify(answer(boot_log=None, ima_log=None, ima_offset=0))
    assert (proven.untrusted_boot_log, proven.untrusted_ima_log,
            proven.ima_offset) == (None, None, 0)


def test_answer_to_a_release_carries_its_binding():
    binding = b"\x42" * 32
    verify(answer(binding), qualifying=binding)
    with pytest.raises(StaleEvidence):
        verify(answer(), qualifying=binding)
    with pytest.raises(StaleEvidence):
        verify(answer(binding))


def test_b4_expired_challenge_refused():
    last = CHALLENGE.expires_at - datetime.timedelta(microseconds=1)
    verify(answer(), now=last)
    for now in (CHALLENGE.expires_at,
                CHALLENGE.expires_at + datetime.timedelta(days=1)):
        with pytest.raises(StaleEvidence, match="expired"):
            verify(answer(), now=now)


def test_b5_challenge_of_another_attester_refused():
    with pytest.raises(StaleEvidence, match="another attester"):
        verify(answer(attester_id="host-b"))


def test_b5_other_nonce_in_the_envelope_refused():
    # The quote is right, so that only the envelope tells.
    for nonce in (bytes(32), CHALLENGE.nonce[:16], b""):
        with pytest.raises(StaleEvidence, match="another nonce"):
            verify(answer(nonce=nonce))


def test_d7_quote_of_another_host_refused():
    with pytest.raises(UnauthenticEvidence):
        verify(answer(tpm=FakeTpm()))


def test_selection_is_the_challenges():
    less = dataclasses.replace(CHALLENGE, selection=PcrSelection(
        HashAlg.SHA256, frozenset(range(14))))
    with pytest.raises(UnauthenticEvidence):
        verify(answer(), challenge=less)


@pytest.mark.parametrize("offset", [1, 499, 501])
def test_c13_ima_list_from_elsewhere_refused(offset):
    with pytest.raises(UnauthenticEvidence, match="start"):
        verify(answer(ima_offset=offset))


def test_structure_that_is_none_is_malformed():
    with pytest.raises(MalformedEvidence):
        verify(answer(signature=b""))
