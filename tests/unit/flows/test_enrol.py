# SPDX-License-Identifier: Apache-2.0
"""Enrolment: from a claim to an attester."""

from __future__ import annotations

import hashlib

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.trust_anchors import TrustAnchors
from attestation_service.flows.enrol import Enrol
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.enrolment import activation_proof
from tests.fakes.ca import FakeCa
from tests.fakes.cloud import Cloud
from tests.fakes.outside import NOW


@pytest.fixture
def cloud():
    return Cloud()


@pytest.fixture
def host(cloud):
    return cloud.host(enrol=False)


def begin(cloud, host, user_id="agents", **changes):
    return cloud.flows.enrol.begin(host.enrolment(**changes), user_id,
                                   cloud.clock())


def proof_for(host, asked):
    return activation_proof(host.tpm.activate_credential(
        asked.id_object, asked.secret), asked.enrolment_id)


def activate(cloud, asked, proof, user_id="agents"):
    return cloud.flows.enrol.activate(asked.enrolment_id, proof, user_id,
                                      cloud.clock())


@pytest.mark.parametrize("ek", ["ek-p256", "ek-p384", "ek-rsa2048"])
def test_a_host_enrols_and_waits_for_approval(cloud, ek):
    host = cloud.host(enrol=False, ek=ek)
    asked = begin(cloud, host)
    assert asked.expires_at == NOW + cloud.settings.enrolment_life
    attester = activate(cloud, asked, proof_for(host, asked))
    assert attester == r.Attester(
        attester.id, "host-1", r.AttesterState.PENDING, "agents",
        host.tpm.ek_public, host.tpm.ak_public, attester.ek_digest,
        "IFX", "id:000F0018", False, {}, NOW, NOW,
        ek_certificate=host.tpm.ek_certificate,
        intermediates=host.tpm.intermediates)
    assert cloud.flows.attesters.find("host-1") == attester
    (event,) = cloud.events()
    assert (event.event_type, event.payload) == ("attester.state", {
        "attester_id": attester.id, "host": "host-1", "state": "pending",
        "previous": None})


def test_an_ek_on_the_list_needs_no_approval(cloud, host):
    asked = begin(cloud, host)
    digest = activate(cloud, asked, proof_for(host, asked)).ek_digest
    other = Cloud(approved_eks={digest})
    other.ca, other.flows = cloud.ca, None
    enrol = Enrol(other.store, TrustAnchors.of(
        hardware=[cloud.ca.root.der]), other.random, {digest},
        other.settings)
    asked = enrol.begin(host.enrolment(), "agents", NOW)
    attester = enrol.activate(asked.enrolment_id, proof_for(host, asked),
                              "agents", NOW)
    assert attester.state is r.AttesterState.APPROVED
    assert attester.hardware is True


def test_d1_ek_of_an_unknown_maker_refused(cloud):
    stranger = Cloud().host(enrol=False)
    with pytest.raises(errors.UnendorsedKey):
        begin(cloud, stranger)
    assert cloud.store.units == 0


def test_d1_key_other_than_the_certified_refused(cloud, host):
    other = cloud.host("host-2", enrol=False)
    with pytest.raises(errors.UnendorsedKey):
        begin(cloud, host, ek_public=other.tpm.ek_public)


def test_d3_ak_that_may_not_attest_refused(cloud, host):
    with pytest.raises(errors.UnendorsedKey):
        begin(cloud, host, ak_public=host.tpm.ek_public)


def test_d4_credential_is_for_the_ak_that_was_claimed(cloud, host):
    other = cloud.host("host-2", enrol=False)
    asked = begin(cloud, host, ak_public=other.tpm.ak_public)
    with pytest.raises(Exception, match="0x1df"):
        proof_for(host, asked)


def test_d5_a_wrong_guess_ends_the_enrolment(cloud, host):
    asked = begin(cloud, host)
    with pytest.raises(errors.Forbidden) as refused:
        activate(cloud, asked, b"\0" * 32)
    assert refused.value.code is Code.ENROLMENT_FAILED
    with pytest.raises(errors.Forbidden) as refused:
        activate(cloud, asked, proof_for(host, asked))
    assert refused.value.code is Code.ENROLMENT_EXPIRED


def test_d5_a_proof_is_good_once(cloud, host):
    asked = begin(cloud, host)
    proof = proof_for(host, asked)
    activate(cloud, asked, proof)
    with pytest.raises(errors.Forbidden) as refused:
        activate(cloud, asked, proof)
    assert refused.value.code is Code.ENROLMENT_EXPIRED


def test_d5_a_proof_is_good_for_its_enrolment(cloud, host):
    first, second = begin(cloud, host), begin(cloud, host)
    with pytest.raises(errors.Forbidden) as refused:
        activate(cloud, second, proof_for(host, first))
    assert refused.value.code is Code.ENROLMENT_FAILED


def test_d5_the_secret_is_in_no_record(cloud, host):
    asked = begin(cloud, host)
    (kept,) = cloud.store.tables.attesters.enrolments.values()
    credential = host.tpm.activate_credential(asked.id_object, asked.secret)
    proof = activation_proof(credential, asked.enrolment_id)
    assert kept.proof_digest == hashlib.sha256(proof).digest()
    for secret in (credential, proof):
        assert secret not in repr(kept).encode()
        assert secret not in asked.id_object


def test_d5_activation_by_another_user_refused(cloud, host):
    asked = begin(cloud, host)
    with pytest.raises(errors.Forbidden) as refused:
        activate(cloud, asked, proof_for(host, asked), "mallory")
    assert refused.value.code is Code.ENROLMENT_FAILED


def test_an_enrolment_expires(cloud, host):
    asked = begin(cloud, host)
    cloud.clock.now = asked.expires_at
    with pytest.raises(errors.Forbidden) as refused:
        activate(cloud, asked, proof_for(host, asked))
    assert refused.value.code is Code.ENROLMENT_EXPIRED


def test_i4_open_enrolments_of_a_tpm_are_bounded(cloud, host):
    for _ in range(cloud.settings.open_enrolments):
        begin(cloud, host)
    with pytest.raises(errors.LimitReached):
        begin(cloud, host)
    begin(cloud, cloud.host("host-2", enrol=False))
    cloud.tick(seconds=cloud.settings.enrolment_life.total_seconds())
    begin(cloud, host)


def test_a_certificate_that_expired_refused(cloud, host):
    cloud.tick(days=365 * 20)
    with pytest.raises(errors.UnendorsedKey):
        begin(cloud, host)


def test_d1_ca_of_the_same_name_refused(cloud, host):
    forged = FakeCa()
    host.tpm.intermediates = (forged.intermediate.der,)
    host.tpm.ek_certificate = forged.issue(
        host.tpm._ek_key.public_key(), subject="host-1")
    with pytest.raises(errors.UnendorsedKey):
        begin(cloud, host)
