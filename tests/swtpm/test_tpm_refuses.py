# SPDX-License-Identifier: Apache-2.0
"""What a real TPM must refuse of what the core makes."""

from __future__ import annotations

import dataclasses
import secrets
import time

import pytest
import tpm2_pytss as tss

from attestation_service.core.tpm import envelope
from attestation_service.core.tpm.credential import make_credential
from attestation_service.core.tpm.structures import Public
from nova_trusted_launch.wire.digests import HashAlg
from tests.swtpm.real import TR, RealTpm
from tests.swtpm.sealing import (
    BOOT, KEY, PARENTS, RELEASE, parent_of, refused, sealed_for)

pytestmark = pytest.mark.swtpm


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
