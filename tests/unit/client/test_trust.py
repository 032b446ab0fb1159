# SPDX-License-Identifier: Apache-2.0
"""Only what the service signed, for this use, is believed (I6)."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from nova_trusted_launch.client.fake import FakeTrustedLaunchClient
from nova_trusted_launch.client.fake_log import FakeSigner
from nova_trusted_launch.client.trust import RESULT_TYPE, thumbprint
from nova_trusted_launch.client.trust import UnknownKey, Untrusted, Verifier
from nova_trusted_launch.wire.receipts import RECEIPT_TYPE
from nova_trusted_launch.wire.results import TrustTier

SERVICE = FakeTrustedLaunchClient()
RESULT = SERVICE.set_result("compute-1", "gold")
CLAIMS = jwt.decode(RESULT, options={"verify_signature": False})


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(SERVICE.jwks())


def test_result_is_what_was_signed(verifier):
    result = verifier.result(RESULT)
    assert (result.host, result.profile, result.tier) == (
        "compute-1", "gold", TrustTier.AFFIRMING)


def test_expired_result_is_authentic_all_the_same(verifier):
    """Whoever relies on it has the clock and decides."""
    token = SERVICE.set_result("compute-2", "gold",
                               valid_for=datetime.timedelta(days=-1))
    assert verifier.result(token).host == "compute-2"


def test_receipt_checkpoint_and_snapshot(verifier):
    receipt = SERVICE.add_release("instance", "compute-1", "gold")
    token = SERVICE.receipts_list()[0]["receipt"]
    assert verifier.receipt(token) == receipt
    assert verifier.checkpoint(SERVICE.checkpoint()).size == 1
    entries = verifier.snapshot(SERVICE.results_snapshot()).entries
    assert "compute-1" in {e.host for e in entries}


def test_i6_another_use_of_the_same_key_is_refused(verifier):
    for read in (verifier.receipt, verifier.checkpoint, verifier.snapshot):
        with pytest.raises(Untrusted, match="type"):
            read(RESULT)


def forged(header, payload=CLAIMS, signature=b"") -> str:
    def part(value) -> str:
        data = value if isinstance(value, bytes) else json.dumps(
            value).encode()
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    return ".".join(map(part, (header, payload, signature)))


KID = SERVICE.state.signer.jwk["kid"]
PUBLIC = SERVICE.state.signer._key.public_key().public_bytes(
    serialization.Encoding.PEM,
    serialization.PublicFormat.SubjectPublicKeyInfo)


def by_hmac() -> str:
    token = forged({"alg": "HS256", "typ": RESULT_TYPE, "kid": KID})
    signing = token.rsplit(".", 1)[0].encode()
    mac = hmac.digest(PUBLIC, signing, hashlib.sha256)
    return signing.decode() + "." + base64.urlsafe_b64encode(
        mac).decode().rstrip("=")


@pytest.mark.parametrize("token", [
    pytest.param(forged({"alg": "none", "typ": RESULT_TYPE, "kid": KID}),
                 id="alg none"),
    pytest.param(by_hmac(), id="HS256 with the public key"),
    pytest.param(RESULT[:-4] + "AAAA", id="another signature"),
    pytest.param(RESULT.rsplit(".", 1)[0] + ".", id="no signature"),
    pytest.param(forged({"alg": "ES256", "typ": RESULT_TYPE, "kid": KID},
                        CLAIMS | {"exp": 2 ** 40},
                        base64.urlsafe_b64decode(
                            RESULT.split(".")[2] + "==")),
                 id="changed payload"),
    pytest.param("", id="empty"), pytest.param("a.b", id="two parts"),
    pytest.param("\u00e9.\u00e9.\u00e9", id="not ASCII"),
    pytest.param(None, id="no text"),
])
def test_i6_forgeries_are_refused(verifier, token):
    with pytest.raises(Untrusted):
        verifier.result(token)


def test_i6_other_key_with_our_kid_is_refused(verifier):
    token = jwt.encode(CLAIMS, ec.generate_private_key(ec.SECP256R1()),
                       algorithm="ES256",
                       headers={"typ": RESULT_TYPE, "kid": KID})
    with pytest.raises(Untrusted, match="does not verify"):
        verifier.result(token)


def test_unknown_key_is_told_apart(verifier):
    with pytest.raises(UnknownKey):
        verifier.result(FakeSigner().sign(CLAIMS, RESULT_TYPE))


def test_rotated_keys_verify_old_and_new():
    old, new = FakeSigner(), FakeSigner()
    both = Verifier({"keys": [old.jwk, new.jwk]})
    for signer in (old, new):
        assert both.result(signer.sign(CLAIMS, RESULT_TYPE)).host


def test_signed_nonsense_is_refused(verifier):
    signer = SERVICE.state.signer
    for typ, read in ((RESULT_TYPE, verifier.result),
                      (RECEIPT_TYPE, verifier.receipt)):
        with pytest.raises(Untrusted, match="agreed form"):
            read(signer.sign({"x": 1}, typ))


def test_status_that_contradicts_the_findings_is_refused(verifier):
    lie = json.loads(json.dumps(CLAIMS))
    lie["trusted_launch"]["findings"][0]["tier"] = "contraindicated"
    with pytest.raises(Untrusted, match="agreed form"):
        verifier.result(SERVICE.state.signer.sign(lie, RESULT_TYPE))


def jwk(**changes):
    return {**FakeSigner().jwk, **changes}


OFF_CURVE = jwk(x="AAAA")
OFF_CURVE["kid"] = thumbprint(OFF_CURVE)


@pytest.mark.parametrize("jwks", [
    None, [], {}, {"keys": {}}, {"keys": []}, {"keys": ["x"]},
    {"keys": [jwk(kid="other")]}, {"keys": [jwk(crv="P-384")]},
    {"keys": [jwk(kty="oct", k="AAAA")]},
    pytest.param({"keys": [OFF_CURVE]}, id="not on the curve"),
])
def test_key_set_without_a_good_key_is_refused(jwks):
    with pytest.raises(Untrusted, match="no P-256 key"):
        Verifier(jwks)


def test_rsa_keys_beside_ours_do_not_count():
    key = rsa.generate_private_key(65537, 2048).public_key()
    other = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))
    verifier = Verifier({"keys": [other, *SERVICE.jwks()["keys"]]})
    assert verifier.result(RESULT).host == "compute-1"
