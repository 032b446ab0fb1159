# SPDX-License-Identifier: Apache-2.0
"""What the core makes is what a real TPM takes, and refuses."""

from __future__ import annotations

import secrets
import time

import pytest
import tpm2_pytss as tss
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed, decode_dss_signature)

from attestation_service.core.tpm import wrap
from attestation_service.core.tpm.structures import Public
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from tests.swtpm.real import RealTpm

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


def sealed_for(tpm, kind, nonce_tpm, *, expiration=60, release=RELEASE):
    seal = wrap.seal(
        KEY, parent=parent_of(tpm, kind), parent_name=kind,
        pcrs=tpm.bank(BOOT), release_id=release, nonce_tpm=nonce_tpm,
        expiration=expiration, policy_key_public=wrap.policy_key_public(
            POLICY_KEY.public_key()),
        randomness=secrets.token_bytes(wrap.RANDOM_SIZE))
    r, s = decode_dss_signature(POLICY_KEY.sign(
        seal.to_sign, ec.ECDSA(Prehashed(hashes.SHA256()))))
    return seal.sealed_key(wrap.policy_signature(r, s), b"")


def refused(code):
    return pytest.raises(tss.TSS2_Exception, match=None) if code is None \
        else _Refused(code)


class _Refused:
    """Like pytest.raises, but asks for the TPM's own response code."""

    def __init__(self, *codes):
        self._codes = codes

    def __enter__(self):
        return self

    def __exit__(self, kind, exc, _):
        assert kind is not None, "the TPM did not refuse"
        assert isinstance(exc, tss.TSS2_Exception), exc
        assert exc.rc in self._codes, hex(exc.rc)
        return True


@pytest.mark.parametrize("kind", PARENTS)
def test_sealed_key_opens_in_its_tpm_state_and_session(tpm, kind):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, kind, nonce_tpm)
        assert tpm.unseal(session, nonce_tpm, sealed, RELEASE) == KEY


def test_no_ticket(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm)
        timeout, ticket = tpm.policy(session, nonce_tpm, sealed, RELEASE)
        print(ticket.hierarchy, ticket.tag, bytes(ticket.digest), timeout.size)

def test_exp(tpm):
    with tpm.session() as (session, nonce_tpm):
        sealed = sealed_for(tpm, "ek-p384", nonce_tpm, expiration=1)
        time.sleep(1.5)
        with refused(0x9a3):
            tpm.unseal(session, nonce_tpm, sealed, RELEASE)
