# SPDX-License-Identifier: Apache-2.0
"""What the core makes, a real TPM takes; what that says, the core verifies."""

from __future__ import annotations

import datetime
import secrets

import pytest

from attestation_service.core.endorsement import (
    TrustAnchors, verify_endorsement)
from attestation_service.core.errors import UnauthenticEvidence, UnendorsedKey
from attestation_service.core.tpm import envelope, quote, wrap
from attestation_service.core.tpm.certify import verify_certified_parent
from attestation_service.core.tpm.credential import make_credential
from attestation_service.core.tpm.structures import Public
from attestation_service.core.verify import verify_continuity
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from nova_trusted_launch.wire.release import policy_ref
from tests.swtpm.real import RealTpm
from tests.swtpm.sealing import (
    BOOT, KEY, PARENTS, RELEASE, parent_of, sealed_for)

pytestmark = pytest.mark.swtpm

ALL = PcrSelection(HashAlg.SHA256, frozenset(range(15)))


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsassa",
                                  "rsapss"])
def test_real_quote_is_verified(tpm, kind):
    nonce = secrets.token_bytes(32)
    with tpm.ak(kind) as handle:
        ak = quote.load_attestation_key(tpm.public(handle))
        answer = tpm.quote(handle, nonce, ALL)
        proven = quote.verify_quote(*answer, tpm.bank(ALL), ak=ak,
                                    nonce=nonce, selection=ALL)
    assert proven.pcrs == tpm.bank(ALL)
    # An AK in the endorsement hierarchy tells the counters as they are.
    clock = tpm.esapi.read_clock().clockInfo
    assert (proven.reset_count, proven.restart_count) == (
        clock.resetCount, clock.restartCount)
    assert 0 <= clock.clock - proven.clock < 10_000


@pytest.mark.parametrize("kind", ["ek-rsa2048", "ek-p384", "ek-p256"])
@pytest.mark.parametrize("size", [16, 32])
def test_credential_is_activated(tpm, kind, size):
    credential = secrets.token_bytes(size)
    with tpm.ak() as ak:
        name = Public.parse(tpm.public(ak)).name
        blobs = make_credential(parent_of(tpm, kind), name, credential,
                                secrets.token_bytes(envelope.SEED_SIZE))
        assert tpm.activate(ak, kind, *blobs) == credential


@pytest.mark.parametrize("kind", ["ek-rsa2048", "ek-p384"])
def test_real_endorsement_is_verified(tpms, tpm, kind):
    root, issuer = tpms[0].roots
    proven = verify_endorsement(
        tpm.certificate(kind), [], parent_of(tpm, kind).encoded,
        anchors=TrustAnchors.of(software=[root], intermediates=[issuer]),
        now=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1))
    assert not proven.hardware
    assert proven.subject == "CN=host-a"
    assert wrap.parent_name_of(proven.ek) == kind


def test_d1_real_platform_certificate_refused(tpms, tpm):
    root, issuer = tpms[0].roots
    platform = tpm.nv_read(0x01C08000)
    with pytest.raises(UnendorsedKey, match="EKU"):
        verify_endorsement(
            platform, [], parent_of(tpm, "ek-p384").encoded,
            anchors=TrustAnchors.of(software=[root], intermediates=[issuer]),
            now=datetime.datetime.now(datetime.UTC)
            + datetime.timedelta(hours=1))


def test_certified_srk_is_believed(tpm):
    nonce = secrets.token_bytes(32)
    with tpm.ak() as ak, tpm.parent("srk") as srk:
        info, signature = tpm.certify(srk, ak, nonce)
        area = tpm.public(srk)
        parent = verify_certified_parent(
            info, signature, nonce=nonce, parent_public=area,
            ak=quote.load_attestation_key(tpm.public(ak)))
    assert parent.encoded == area


@pytest.mark.parametrize("kind", PARENTS)
def test_sealed_key_opens_in_its_tpm_state_and_session(tpm, kind):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, kind, nonce_tpm)
        assert tpm.unseal(session, nonce_tpm, sealed, RELEASE) == KEY


@pytest.mark.parametrize("size", [1, 16, 33, 128])
def test_sealed_secret_may_have_any_length(tpm, size):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p256", nonce_tpm, secret=b"k" * size)
        assert tpm.unseal(session, nonce_tpm, sealed, RELEASE) == b"k" * size


def test_policy_digest_is_that_of_a_trial_session(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p256", nonce_tpm)
        tpm.policy(session, nonce_tpm, sealed, RELEASE)
        assert bytes(tpm.esapi.policy_get_digest(session)) == (
            wrap.policy_digest(
                tpm.bank(BOOT), wrap.policy_key_name(sealed.policy_key),
                policy_ref(RELEASE)))


def test_b7_counters_and_clock_over_a_real_reboot(tpms):
    slack = datetime.timedelta(0)
    told = []
    for orderly in (True, False):
        with RealTpm(tpms[1].tcti) as tpm:
            told.append(quoted(tpm))
        tpms[1].stop(orderly=orderly)
        tpms[1].start()
    with RealTpm(tpms[1].tcti) as tpm:
        told.append(quoted(tpm))
        told.append(quoted(tpm))
    first, second, third, fourth = told
    after = verify_continuity(first, second, slack=slack)
    assert not after.same_boot
    assert after.orderly
    after = verify_continuity(second, third, slack=slack)
    assert not after.same_boot
    assert not after.orderly
    assert verify_continuity(third, fourth, slack=slack).same_boot
    with pytest.raises(UnauthenticEvidence):
        verify_continuity(third, first, slack=slack)


def quoted(tpm):
    nonce = secrets.token_bytes(32)
    with tpm.ak() as handle:
        answer = tpm.quote(handle, nonce, ALL)
        return quote.verify_quote(
            *answer, tpm.bank(ALL), nonce=nonce, selection=ALL,
            ak=quote.load_attestation_key(tpm.public(handle)))
