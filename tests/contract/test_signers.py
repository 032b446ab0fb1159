# SPDX-License-Identifier: Apache-2.0
"""The contract of ``ports.Signer``, and the keyring of the real one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import stat
from concurrent import futures

import jwt as jose
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    encode_dss_signature,
)

from attestation_service import private_files
from attestation_service.core import errors
from attestation_service.core.tpm.structures import Public, Scheme, Signature
from attestation_service.signing.keyring import Keyring, Use
from attestation_service.signing.signer import FileSigner
from tests.contract import samples
from tests.fakes.outside import Clock, MemorySigner

TYPE = "trusted-launch-receipt+jwt"
CLAIMS = {"host": "höst", "profiles": {"p1": 3}, "iat": 5, "exp": 6}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def keyring(folder):
    return Keyring(folder, Clock())


@pytest.fixture(params=["memory", "file"])
def signer(request):
    if request.param == "memory":
        return MemorySigner()
    return FileSigner(request.getfixturevalue("keyring"))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_what_was_signed_verifies_whatever_its_times(signer):
    token = signer.sign(CLAIMS, TYPE)
    assert signer.verify(token, TYPE) == CLAIMS


def test_anybody_can_verify_with_the_published_keys(signer):
    token = signer.sign(CLAIMS, TYPE)
    header = jose.get_unverified_header(token)
    assert header == {"alg": "ES256", "typ": TYPE, "kid": header["kid"]}
    (jwk,) = [k for k in signer.jwks()["keys"] if k["kid"] == header["kid"]]
    assert jwk["use"] == "sig" and jwk["alg"] == "ES256" and "d" not in jwk
    thumb = json.dumps({n: jwk[n] for n in ("crv", "kty", "x", "y")},
                       separators=(",", ":"))
    assert jwk["kid"] == b64(hashlib.sha256(thumb.encode()).digest())
    assert jose.decode(token, jose.PyJWK(jwk).key, ["ES256"], options={
        "verify_exp": False}) == CLAIMS


def forged(header, sign=lambda message: b""):
    message = ".".join(b64(json.dumps(part).encode())
                       for part in (header, CLAIMS))
    return f"{message}.{b64(sign(message.encode()))}"


def test_i6_no_other_jwt_passes(signer):
    token = signer.sign(CLAIMS, TYPE)
    kid = jose.get_unverified_header(token)["kid"]
    head, body, signature = token.split(".")
    stranger = ec.generate_private_key(ec.SECP256R1())
    public = json.dumps(signer.jwks()["keys"][0])
    lies = {
        "other type": token, "nothing": "", "one part": head,
        "unsigned": f"{head}.{body}.",
        "alg none": forged({"alg": "none", "typ": TYPE, "kid": kid}),
        "HS256 with the public key": forged(
            {"alg": "HS256", "typ": TYPE, "kid": kid},
            lambda message: hmac.digest(public.encode(), message, "sha256")),
        "another's key": jose.encode(
            CLAIMS, stranger, "ES256", {"typ": TYPE, "kid": kid}),
        "another's kid": jose.encode(
            CLAIMS, stranger, "ES256", {"typ": TYPE, "kid": "mine"}),
        "changed claims": f"{head}.{b64(b'{}')}.{signature}",
        "cut": token[:-4], "no typ": jose.encode(
            CLAIMS, stranger, "ES256", {"kid": kid})}
    for lie, text in lies.items():
        with pytest.raises(errors.Invalid):
            signer.verify(text, "ear+jwt" if lie == "other type" else TYPE)


def test_a_tpm_policy_is_signed_by_the_policy_key(signer):
    digest = samples.hashed("policy")
    public = Public.parse(signer.policy_public())
    signature = Signature.parse(signer.sign_policy(digest))
    assert (signature.scheme, signature.hash_alg) == (Scheme.ECDSA, 0x000B)
    public.key.verify(
        encode_dss_signature(*(int.from_bytes(part, "big")
                               for part in signature.parts)),
        digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    # It signs nothing else: it is not among the keys of results.
    numbers = public.key.public_numbers()
    assert b64(numbers.x.to_bytes(32, "big")) not in {
        key["x"] for key in signer.jwks()["keys"]}


def test_keys_survive_a_restart(folder, keyring):
    token = FileSigner(keyring).sign(CLAIMS, TYPE)
    again = FileSigner(Keyring(folder, Clock()))
    assert again.verify(token, TYPE) == CLAIMS
    assert again.jwks() == FileSigner(keyring).jwks()
    assert again.policy_public() == FileSigner(keyring).policy_public()


def test_a_rotated_key_verifies_and_signs_no_more(folder, keyring):
    signer = FileSigner(keyring)
    policy = signer.policy_public()
    old = signer.sign(CLAIMS, TYPE)
    keyring.rotate()
    new = signer.sign(CLAIMS, TYPE)
    kids = [jose.get_unverified_header(t)["kid"] for t in (new, old)]
    assert kids[0] != kids[1]
    assert [k["kid"] for k in signer.jwks()["keys"]] == kids
    assert signer.policy_public() != policy
    for token in (new, old):
        assert signer.verify(token, TYPE) == CLAIMS
    # The private half of the old one is destroyed.
    assert {path.stem for path in folder.glob("*.pem")} == {
        keyring.ring().current(use).kid for use in Use}


def test_a_running_service_follows_a_rotation(folder, keyring):
    running = FileSigner(Keyring(folder, Clock()))
    old = running.sign(CLAIMS, TYPE)
    keyring.rotate()
    keyring.rotate()
    token = FileSigner(keyring).sign(CLAIMS, TYPE)
    assert running.verify(token, TYPE) == CLAIMS
    assert running.verify(old, TYPE) == CLAIMS
    assert (jose.get_unverified_header(running.sign(CLAIMS, TYPE))["kid"]
            == jose.get_unverified_header(token)["kid"])


def test_one_rotates_while_others_sign(folder, keyring):
    def sign(_):
        signer = FileSigner(Keyring(folder, Clock()))
        return [signer.sign({"n": n}, TYPE) for n in range(50)]

    with futures.ThreadPoolExecutor(4) as pool:
        signed = pool.map(sign, range(4))
        for _ in range(10):
            keyring.rotate()
        tokens = [token for some in signed for token in some]
    signer = FileSigner(keyring)
    assert len([signer.verify(token, TYPE) for token in tokens]) == 200


def test_a_policy_key_signs_no_results(keyring, folder):
    policy = keyring.ring().current(Use.POLICY)
    private = serialization.load_pem_private_key(
        (folder / f"{policy.kid}.pem").read_bytes(), None)
    token = jose.encode(CLAIMS, private, "ES256",
                        {"typ": TYPE, "kid": policy.kid})
    with pytest.raises(errors.Invalid):
        FileSigner(keyring).verify(token, TYPE)


def test_keys_are_private_and_made_once(folder):
    with futures.ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda _: Keyring(folder, Clock()), range(8)))
    assert len({keyring.ring().known for keyring in made}) == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode)
            for path in folder.iterdir()} == {0o600}


def test_a_key_that_others_can_read_is_refused(folder, keyring):
    next(folder.glob("*.pem")).chmod(0o644)
    with pytest.raises(private_files.NotPrivate):
        Keyring(folder, Clock())


def test_a_swapped_key_file_is_refused(folder, keyring):
    first, second = (folder / f"{keyring.ring().current(use).kid}.pem"
                     for use in Use)
    first.write_bytes(second.read_bytes())
    with pytest.raises(ValueError, match="is not the key"):
        Keyring(folder, Clock())
