# SPDX-License-Identifier: Apache-2.0
"""The TPM adapter against a real software TPM and the service's core."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attestation_service.core.tpm import credential
from attestation_service.core.tpm.attestation_key import load_attestation_key
from attestation_service.core.tpm.quote import verify_quote
from attestation_service.core.tpm.structures import Public
from attestation_service.core.tpm.wrap import parent_name_of
from nova_trusted_launch.agent import templates
from nova_trusted_launch.agent.tpm import SealRefused, TpmError
from nova_trusted_launch.agent.tpm_tss.line import TssOptions
from nova_trusted_launch.agent.tpm_tss.tpm import TssTpm
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from tests.fakes.policy_signer import PolicySigner
from tests.fixtures import swtpm
from tests.fixtures.tss import extend, handles

pytestmark = pytest.mark.swtpm

UNIQUE = bytes(range(32))
BOOT = PcrSelection(HashAlg.SHA256, frozenset(range(10)))
KINDS = ["ek-p384", "ek-rsa2048"]
SECRET = b"\x5a" * 32


@pytest.fixture(scope="module")
def device(tmp_path_factory) -> Iterator[swtpm.Swtpm]:
    with swtpm.running(tmp_path_factory.mktemp("tpm")) as running:
        yield running


@pytest.fixture
def tpm(device) -> Iterator[TssTpm]:
    """The adapter, and the promise that it leaves nothing in the TPM."""
    before = handles(device.tcti)
    yield TssTpm(TssOptions(device.tcti))
    assert handles(device.tcti) == before


def of_kind(device: swtpm.Swtpm, kind: str) -> TssTpm:
    return TssTpm(TssOptions(device.tcti, kinds=(kind,)))


@pytest.fixture(scope="module")
def signer() -> PolicySigner:
    return PolicySigner()


def sealed_for(tpm: TssTpm, session, signer: PolicySigner, *,
               release: str = "r1", expiration: int = 60,
               nonce: bytes | None = None):
    quoted = tpm.quote(UNIQUE, bytes(32), BOOT)
    return signer.seal(SECRET, tpm.endorsement(), quoted.pcrs, release,
                       session.nonce if nonce is None else nonce,
                       expiration=expiration)


def verified(tpm: TssTpm, ak):
    quoted = tpm.quote(UNIQUE, b"n" * 32, BOOT)
    return verify_quote(quoted.attest, quoted.signature, quoted.pcrs,
                        ak=ak, nonce=b"n" * 32, selection=BOOT)


@pytest.mark.parametrize("kind", KINDS)
def test_endorsement_key_comes_with_its_certificate(device, kind):
    found = of_kind(device, kind).endorsement()
    assert found.kind == kind
    assert found.certificate[0] == 0x30
    assert parent_name_of(Public.parse(found.public)) == kind


def test_elliptic_curves_are_preferred(tpm):
    assert tpm.endorsement().kind == "ek-p384"


def test_no_endorsement_key_of_that_kind_is_an_error(device):
    with pytest.raises(TpmError, match="no endorsement key"):
        of_kind(device, "ek-p256").endorsement()


def test_attestation_key_is_what_the_service_accepts(tpm):
    public = tpm.ak_public(UNIQUE)
    assert public == tpm.ak_public(UNIQUE)
    assert public != tpm.ak_public(bytes(32))
    load_attestation_key(public)


def test_quote_verifies(tpm):
    ak = load_attestation_key(tpm.ak_public(UNIQUE))
    quoted = tpm.quote(UNIQUE, b"n" * 32, BOOT)
    assert verified(tpm, ak).reset_count == quoted.reset_count


def test_quote_of_all_registers(tpm):
    everything = PcrSelection(HashAlg.SHA256, frozenset(range(24)))
    quoted = tpm.quote(UNIQUE, b"n" * 32, everything)
    assert quoted.pcrs.selection == everything


def test_quote_of_a_bank_the_tpm_has_not(tpm):
    other = PcrSelection(HashAlg.SHA512, frozenset({0}))
    with pytest.raises(TpmError, match="no sha512 bank"):
        tpm.quote(UNIQUE, b"n" * 32, other)


@pytest.mark.parametrize("kind", KINDS)
def test_credential_for_this_tpm_activates(device, kind):
    tpm = of_kind(device, kind)
    blob, secret = credential.make_credential(
        Public.parse(tpm.endorsement().public),
        Public.parse(tpm.ak_public(UNIQUE)).name, b"c" * 32, b"s" * 64)
    assert tpm.activate(UNIQUE, blob, secret) == b"c" * 32


def test_d4_credential_for_another_key_does_not_activate(tpm):
    blob, secret = credential.make_credential(
        Public.parse(tpm.endorsement().public),
        Public.parse(tpm.ak_public(bytes(32))).name, b"c" * 32, b"s" * 64)
    with pytest.raises(TpmError):
        tpm.activate(UNIQUE, blob, secret)


@pytest.mark.parametrize("kind", KINDS)
def test_sealed_key_opens_in_its_session(device, signer, kind):
    tpm = of_kind(device, kind)
    session = tpm.policy_session()
    try:
        sealed = sealed_for(tpm, session, signer)
        assert session.unseal(sealed, "r1") == SECRET
    finally:
        session.close()


def test_key_without_its_password_is_used_by_its_policy(device, signer,
                                                        monkeypatch):
    """PolicyB of the high range templates: PolicySecret or PolicyC."""
    monkeypatch.setattr(templates, "USER_WITH_AUTH", 0)
    tpm = of_kind(device, "ek-p384")
    session = tpm.policy_session()
    assert session.unseal(sealed_for(tpm, session, signer), "r1") == SECRET
    session.close()
    assert handles(device.tcti) == []


def test_session_opens_once(tpm, signer):
    session = tpm.policy_session()
    sealed = sealed_for(tpm, session, signer)
    session.unseal(sealed, "r1")
    with pytest.raises(TpmError):
        session.unseal(sealed, "r1")
    session.close()
    session.close()
    with pytest.raises(TpmError, match="closed"):
        session.unseal(sealed, "r1")


def test_rubbish_instead_of_structures_is_an_error(tpm):
    with pytest.raises(TpmError, match="TPM2B_ID_OBJECT"):
        tpm.activate(UNIQUE, b"\0\1", b"")
    with pytest.raises(TpmError, match="bytes after"):
        tpm.activate(UNIQUE, b"\0\0x", b"\0\0")


def test_sealed_under_another_parent_is_refused(device, tpm, signer):
    session = tpm.policy_session()
    sealed = sealed_for(of_kind(device, "ek-rsa2048"), session, signer)
    with pytest.raises(SealRefused, match="ek-rsa2048"):
        session.unseal(sealed, "r1")
    session.close()


def test_tpm_that_restarts_is_found_again(tmp_path, signer):
    with swtpm.running(tmp_path) as device:
        tpm = TssTpm(TssOptions(device.tcti))
        public = tpm.ak_public(UNIQUE)
        session = tpm.policy_session()
        sealed = sealed_for(tpm, session, signer)
        device.reboot()
        with pytest.raises(TpmError):
            session.unseal(sealed, "r1")
        session.close()
        assert tpm.ak_public(UNIQUE) == public
        again = tpm.policy_session()
        assert again.unseal(sealed_for(tpm, again, signer),
                            "r1") == SECRET
        again.close()


def test_owned_tpm_is_cleared_of_a_killed_predecessor(tmp_path):
    with swtpm.running(tmp_path) as device:
        dead = TssTpm(TssOptions(device.tcti))
        for _ in range(3):
            dead.policy_session()
        with pytest.raises(TpmError):
            dead.policy_session()
        del dead
        heir = TssTpm(TssOptions(device.tcti, owned=True))
        heir.policy_session().close()
        assert handles(device.tcti) == []
        heir.close()
        # Shut down in order: the clock is still trustworthy.
        device.stop(orderly=False)
        device.start()
        ak = load_attestation_key(heir.ak_public(UNIQUE))
        assert verified(heir, ak).safe


def test_absent_tpm_is_an_error():
    port, _ = swtpm.free_ports()
    tpm = TssTpm(TssOptions(f"swtpm:host=127.0.0.1,port={port}"))
    with pytest.raises(TpmError, match="cannot be reached"):
        tpm.endorsement()
    tpm.close()


def test_extend_between_two_quotes_shows(device, tpm):
    before = tpm.quote(UNIQUE, bytes(32), BOOT)
    extend(device.tcti, 23, b"x")
    other = PcrSelection(HashAlg.SHA256, frozenset({23}))
    assert tpm.quote(UNIQUE, bytes(32), other).pcrs.values[23] != bytes(32)
    assert tpm.quote(UNIQUE, bytes(32), BOOT).pcrs == before.pcrs
