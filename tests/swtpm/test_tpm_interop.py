# SPDX-License-Identifier: Apache-2.0
"""What the core makes is what a real TPM takes, and refuses."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
import time

import pytest
import tpm2_pytss as tss
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed, decode_dss_signature)

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
from tests.swtpm.real import TR, RealTpm

pytestmark = pytest.mark.swtpm

BOOT = PcrSelection(HashAlg.SHA256, frozenset(range(8)))
ALL = PcrSelection(HashAlg.SHA256, frozenset(range(15)))
PARENTS = ("ek-rsa2048", "ek-p384", "ek-p256", "srk")
RELEASE = "0b6ccf4e-7c43-4d0a-8d66-2a5a5c3a9a5a"
KEY = b"\x5a" * 32
POLICY_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def tpm(tpms):
    with RealTpm(tpms[0].tcti) as opened:
        yield opened


def parent_of(tpm, kind):
    with tpm.parent(kind) as handle:
        return Public.parse(tpm.public(handle))


def sealed_for(tpm, kind, nonce_tpm, *, expiration=60, release=RELEASE,
               secret=KEY):
    seal = wrap.seal(
        secret, parent=parent_of(tpm, kind), parent_name=kind,
        pcrs=tpm.bank(BOOT), release_id=release, nonce_tpm=nonce_tpm,
        expiration=expiration, policy_key_public=wrap.policy_key_public(
            POLICY_KEY.public_key()),
        randomness=secrets.token_bytes(wrap.RANDOM_SIZE))
    r, s = decode_dss_signature(POLICY_KEY.sign(
        seal.to_sign, ec.ECDSA(Prehashed(hashes.SHA256()))))
    return seal.sealed_key(wrap.policy_signature(r, s), b"")


class refused:  # noqa: N801 - reads as pytest.raises does
    """Expect the TPM itself to refuse, with one of these response codes."""

    def __init__(self, *codes):
        self._codes = codes

    def __enter__(self):
        return self

    def __exit__(self, kind, exc, _):
        assert kind is not None, "the TPM did not refuse"
        assert isinstance(exc, tss.TSS2_Exception), exc
        assert exc.rc in self._codes, f"{exc.rc:#x}: {exc}"
        return True


# What the project makes, a TPM takes.

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


# What must never work.

def test_d4_credential_for_another_ak_name_refused(tpm):
    with tpm.ak("ecdsa-p384") as other:
        name = Public.parse(tpm.public(other)).name
    with tpm.ak() as ak:
        blobs = make_credential(
            parent_of(tpm, "ek-p384"), name, KEY,
            secrets.token_bytes(envelope.SEED_SIZE))
        with refused(0x1DF):
            tpm.activate(ak, "ek-p384", *blobs)


@pytest.mark.parametrize("kind", PARENTS)
def test_e4_unseal_after_a_pcr_extend_refused(tpm, kind):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, kind, nonce_tpm)
        tpm.extend(4, b"\x01" * 32)
        with refused(0x99D):
            tpm.unseal(session, nonce_tpm, sealed, RELEASE)


def test_e4_the_old_digest_can_not_be_claimed(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm)
        before = HashAlg.SHA256.digest(tpm.bank(BOOT).concatenated())
        tpm.extend(4, b"\x02" * 32)
        with refused(0x1C4):
            tpm.policy(session, nonce_tpm, sealed, RELEASE, before)


@pytest.mark.parametrize("register", [4, 10])
def test_e5_pcr_changed_between_policy_and_unseal_refused(tpm, register):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm)
        key = tpm.load(sealed)
        try:
            tpm.policy(session, nonce_tpm, sealed, RELEASE)
            tpm.extend(register, b"\x03" * 32)
            with refused(0x128):
                tpm.esapi.unseal(key, session1=session)
        finally:
            tpm.esapi.flush_context(key)


def test_e6_answer_replayed_in_a_new_session_refused(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm)
        assert tpm.unseal(session, nonce_tpm, sealed, RELEASE) == KEY
    with tpm.session() as (session, fresh):
        # Not the session's nonce; and not the nonce that was signed.
        for nonce, code in ((nonce_tpm, 0x1CF), (fresh, 0x5DB)):
            with refused(code):
                tpm.unseal(session, nonce, sealed, RELEASE)


def test_e6_session_is_good_once(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm)
        assert tpm.unseal(session, nonce_tpm, sealed, RELEASE) == KEY
        with refused(0x1CF):
            tpm.unseal(session, nonce_tpm, sealed, RELEASE)


def test_e6_no_ticket_is_given_for_later(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm)
        timeout, ticket = tpm.policy(session, nonce_tpm, sealed, RELEASE)
        assert not bytes(ticket.digest)
        assert timeout.size == 0


def test_e3_unseal_after_expiry_refused(tpm):
    with tpm.session() as (session, nonce_tpm):
        # Seconds that a busy machine takes until the policy stands.
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm, expiration=4)
        key = tpm.load(sealed)
        try:
            tpm.policy(session, nonce_tpm, sealed, RELEASE)
            time.sleep(4.2)
            with refused(0x9A3):
                tpm.esapi.unseal(key, session1=session)
        finally:
            tpm.esapi.flush_context(key)


def test_e3_authorization_that_came_too_late_refused(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm, expiration=1)
        time.sleep(1.2)
        with refused(0x4E3):
            tpm.policy(session, nonce_tpm, sealed, RELEASE)


def test_e3_longer_expiry_than_signed_refused(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = dataclasses.replace(
            sealed_for(tpm, "ek-p384", nonce_tpm), expiration=3600)
        with refused(0x5DB):
            tpm.policy(session, nonce_tpm, sealed, RELEASE)


def test_e2_authorization_of_another_release_refused(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm)
        with refused(0x5DB):
            tpm.policy(session, nonce_tpm, sealed, "another release")
        other = sealed_for(tpm, "ek-p384", nonce_tpm, release="another")
        mixed = dataclasses.replace(
            sealed, policy_signature=other.policy_signature)
        with refused(0x99D):
            tpm.unseal(session, nonce_tpm, mixed, "another")


@pytest.fixture
def loaded(tpm):
    """A sealed key in the TPM, with its policy satisfied in a session."""
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "srk", nonce_tpm)
        key = tpm.load(sealed)
        tpm.policy(session, nonce_tpm, sealed, RELEASE)
        yield key, session
        tpm.esapi.flush_context(key)


def test_e9_password_instead_of_the_policy_refused(tpm, loaded):
    with refused(0x12F):
        tpm.esapi.unseal(loaded[0], session1=TR.PASSWORD)


def test_e9_object_change_auth_refused(tpm, loaded):
    key, session = loaded
    for auth, code in ((TR.PASSWORD, 0x124), (session, 0x99D)):
        with tpm.parent("srk") as srk, refused(code):
            tpm.esapi.object_change_auth(key, srk, b"mine", session1=auth)


def test_e9_duplicate_refused(tpm, loaded):
    key, session = loaded
    with refused(0x99D):
        tpm.esapi.duplicate(
            key, TR.RH_NULL, b"",
            tss.TPMT_SYM_DEF_OBJECT(algorithm=tss.TPM2_ALG.NULL),
            session1=session)


@pytest.mark.parametrize("attribute", [0x02, 0x10, 0x40, 0x80])
def test_e9_public_area_changed_refused(tpm, attribute):
    with tpm.session() as (_, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm)
        public = bytearray(sealed.public)
        public[9] ^= attribute
        with refused(0x2C2, 0x3DF, 0x2DF):
            tpm.load(dataclasses.replace(sealed, public=bytes(public)))


@pytest.mark.parametrize(("kind", "codes"), [
    ("ek-rsa2048", (0x101,)), ("ek-p384", (0x3DF,)), ("ek-p256", (0x3DF,)),
    ("srk", (0x3DF,))])
def test_e10_stolen_answer_on_another_tpm_refused(tpms, tpm, kind, codes):
    with tpm.session() as (_, nonce_tpm):
        sealed = sealed_for(tpm, kind, nonce_tpm)
    with RealTpm(tpms[1].tcti) as thief:
        with refused(*codes):
            thief.load(sealed)
        # It goes on working.
        with thief.session() as (session, nonce_tpm):
            own = sealed_for(thief, kind, nonce_tpm)
            assert thief.unseal(session, nonce_tpm, own, RELEASE) == KEY


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
