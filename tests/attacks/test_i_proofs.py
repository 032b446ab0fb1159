# SPDX-License-Identifier: Apache-2.0
"""I6, I7: what the service signs, forged, and its log, changed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from attestation_service.core import errors
from attestation_service.store import schema
from nova_trusted_launch.client import trust
from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.encoding import WireError
from tests.fixtures.host import good


def launch(service, host, instance=None):
    """Release one instance; return its receipt."""
    request = host.request(instance, profile="baseline", image_id="image-1")
    service.nova.place(request.instance_id, host.name)
    return good(host.release(request))["receipt"]


@pytest.fixture
def verifier(service):
    return trust.Verifier(good(service.ask(None, "GET", "/v1/jwks")))


def part(value):
    """Write one part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(
        b"=").decode()


def taken_apart(token):
    """Return header and claims."""
    return jwt.get_unverified_header(token), jwt.decode(
        token, options={"verify_signature": False})


def unsigned(token, **changed):
    header, claims = taken_apart(token)
    return f"{part({**header, **changed})}.{part(claims)}."


def other_key(token, **changed):
    header, claims = taken_apart(token)
    named = {name: value for name, value in {**header, **changed}.items()
             if value is not None}
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()),
                      "ES256", headers=named)


def hmac_with_the_public_key(token, jwks, form):
    (jwk,) = jwks["keys"]
    key = jwt.PyJWK(jwk).key
    secret = json.dumps(jwk).encode() if form == "jwk" else key.public_bytes(
        getattr(serialization.Encoding, form),
        serialization.PublicFormat.SubjectPublicKeyInfo)
    header, claims = taken_apart(token)
    signed = f"{part({**header, 'alg': 'HS256'})}.{part(claims)}"
    mac = hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def forgeries(token, jwks):
    """Return what an attacker makes of a genuine JWT, by name."""
    header, claims = taken_apart(token)
    head, body, signature = token.split(".")
    own = ec.generate_private_key(ec.SECP256R1())
    yield "alg none", unsigned(token, alg="none")
    yield "alg None", unsigned(token, alg="None")
    yield "no signature", f"{head}.{body}."
    yield "signature of zeros", f"{head}.{body}." + "A" * 86
    yield "other kid", other_key(token, kid="other")
    yield "no kid", other_key(token, kid=None)
    yield "same kid, other key", other_key(token)
    yield "key in the header", other_key(token, jwk={
        **jwt.algorithms.ECAlgorithm.to_jwk(own.public_key(), as_dict=True)})
    yield "key by URL", other_key(token, jku="http://127.0.0.1:9/jwks")
    for form in ("PEM", "DER", "jwk"):
        yield f"HS256 with the public {form}", hmac_with_the_public_key(
            token, jwks, form)
    yield "changed claims", ".".join(
        (head, part({**claims, "iat": 0, "host": "x"}), signature))
    yield "changed header", ".".join(
        (part({**header, "crit": ["exp"]}), body, signature))
    yield "a tail", token + "A"
    yield "not a JWT", "a.b.c"
    yield "empty", ""


def test_i6_forged_tokens_refused(service, host, verifier):
    jwks = good(service.ask(None, "GET", "/v1/jwks"))
    (result,) = host.attest()
    genuine = {
        verifier.result: result, verifier.receipt: launch(service, host),
        verifier.checkpoint: good(service.ask(
            "reader", "GET", "/v1/log/checkpoint"))["checkpoint"],
        verifier.snapshot: good(service.ask(
            "nova", "GET", "/v1/results/snapshot"))["snapshot"]}
    for read, token in genuine.items():
        read(token)
        for what, forged in forgeries(token, jwks):
            with pytest.raises(trust.Untrusted):
                pytest.fail(f"{what}: {read(forged)}")


def test_i6_a_token_made_for_another_use_refused(service, host, verifier):
    (result,) = host.attest()
    tokens = {"result": result, "receipt": launch(service, host),
              "checkpoint": good(service.ask(
                  "reader", "GET", "/v1/log/checkpoint"))["checkpoint"],
              "snapshot": good(service.ask(
                  "nova", "GET", "/v1/results/snapshot"))["snapshot"]}
    for read in tokens:
        for what, token in tokens.items():
            if what != read:
                with pytest.raises(trust.Untrusted):
                    getattr(verifier, read)(token)


def test_i6_the_service_knows_its_own_signature(service, host):
    jwks = good(service.ask(None, "GET", "/v1/jwks"))
    (result,) = host.attest()
    service.signer.verify(result, trust.RESULT_TYPE)
    for what, forged in forgeries(result, jwks):
        with pytest.raises(errors.Invalid):
            pytest.fail(f"{what}: "
                        f"{service.signer.verify(forged, trust.RESULT_TYPE)}")


def test_i6_a_signed_token_is_no_keystone_token(service, host):
    (result,) = host.attest()
    assert service.ask(result, "GET", "/v1/keys").status_code == 401


# The log.

def checkpoint(service, verifier):
    return verifier.checkpoint(good(service.ask(
        "reader", "GET", "/v1/log/checkpoint"))["checkpoint"])


def prove_inclusion(service, receipt, index, seen):
    """Check, as a tenant does, that her receipt is in the log."""
    proof = good(service.ask(
        "reader", "GET", f"/v1/log/inclusion?index={index}&size={seen.size}"))
    receipts.verify_inclusion(
        receipts.leaf_hash(receipt), index, seen.size,
        [bytes.fromhex(node) for node in proof["path"]], seen.root)


def prove_consistency(service, old, new):
    """Check, as an auditor does, that the log only grew."""
    proof = good(service.ask(
        "reader", "GET",
        f"/v1/log/consistency?first={old.size}&second={new.size}"))
    receipts.verify_consistency(
        old.size, old.root, new.size, new.root,
        [bytes.fromhex(node) for node in proof["path"]])


def test_the_proofs_of_an_honest_log_hold(service, host, verifier):
    kept, seen = [], []
    for _ in range(9):
        kept.append(launch(service, host))
        seen.append(checkpoint(service, verifier))
    for index, receipt in enumerate(kept):
        prove_inclusion(service, receipt, index, seen[-1])
    for old in seen:
        prove_consistency(service, old, seen[-1])


def rebuild(service, left):
    """Do what whoever has the database can: make a new log."""
    with service.database.transaction() as connection:
        connection.execute(schema.log_nodes.delete())
        connection.execute(schema.receipts.delete())
        connection.execute(schema.counters.update().where(
            schema.counters.c.name == "log").values(value=0))
    with service.store.unit() as unit:
        for receipt in left:
            unit.log.append(receipt)


@pytest.mark.parametrize("attack", ["removed", "changed", "swapped", "cut"])
def test_i7_a_changed_log_is_noticed(service, host, verifier, attack):
    mine = [launch(service, host) for _ in range(5)]
    old = checkpoint(service, verifier)
    with service.store.unit() as unit:
        entries = [unit.log.load(i) for i in range(5)]
    other = service.signer.sign({"release_id": "forged"},
                                receipts.RECEIPT_TYPE)
    left = {"removed": entries[:2] + entries[3:],
            "changed": [*entries[:2], _with(entries[2], other),
                        *entries[3:]],
            "swapped": [entries[1], entries[0], *entries[2:]],
            "cut": entries[:2]}[attack]
    rebuild(service, left)
    launch(service, host)
    new = checkpoint(service, verifier)

    if new.size < old.size:
        with pytest.raises(WireError):
            receipts.verify_consistency(old.size, old.root, new.size,
                                        new.root, [])
        return
    with pytest.raises(WireError):
        prove_consistency(service, old, new)
    noticed = 0
    for index, receipt in enumerate(mine):
        try:
            prove_inclusion(service, receipt, index, new)
        except WireError:
            noticed += 1
    assert noticed


def _with(entry, token):
    return type(entry)(entry.index, entry.release_id, entry.instance_id,
                       entry.project_id, token, entry.created_at)
