# SPDX-License-Identifier: Apache-2.0
"""Keys that sign files as the kernel verifies it."""

from __future__ import annotations


from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from attestation_service.core.ima.signatures import KeyRing, key_id
from tests.fakes import logs

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
RING = KeyRing.of([RSA.public_key(), EC.public_key()])


def sign(key, contents, *, kind=3, version=2, algorithm=4, hash_=None,
         name=None):
    hash_ = hash_ or hashes.SHA256()
    signature = (key.sign(contents, padding.PKCS1v15(), hash_)
                 if key is RSA else key.sign(contents, ec.ECDSA(hash_)))
    name = key_id(key.public_key()) if name is None else name
    return (bytes((kind, version, algorithm)) + name.to_bytes(4, "big")
            + len(signature).to_bytes(2, "big") + signature)


def signed(signature, *, contents=b"x", alg="sha256", template="ima-sig"):
    return logs.ima_file("/signed", contents, template=template, alg=alg,
                         signature=signature)
