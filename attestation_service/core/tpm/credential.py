# SPDX-License-Identifier: Apache-2.0
"""Make a credential that only the TPM with both EK and AK can open.

In: an EK that is already endorsed and the Name of the AK it should vouch for.
Out: what TPM2_ActivateCredential takes.  The TPM opens it only when an object
with that very Name is loaded in it: that is the proof that the AK lives there.

Not decided here: whether the EK is that of a real TPM (``core.endorsement``),
nor whether the AK may attest (``core.tpm.attestation_key``).
"""

from __future__ import annotations

from attestation_service.core.tpm import envelope
from attestation_service.core.tpm.structures import Public, tpm2b

LEAST_CREDENTIAL = 16


def make_credential(ek: Public, ak_name: bytes, credential: bytes,
                    seed: bytes) -> tuple[bytes, bytes]:
    """Protect ``credential`` for the TPM of ``ek``, bound to ``ak_name``.

    ``seed`` is :data:`envelope.SEED_SIZE` random bytes.  Return a
    TPM2B_ID_OBJECT and a TPM2B_ENCRYPTED_SECRET.

    The caller must have verified the endorsement of ``ek``.

    :raises UnendorsedKey: ``ek`` is not a storage key that we accept.
    :raises MalformedEvidence: its public area holds no key.
    """
    shared, secret = envelope.share_seed(ek, b"IDENTITY\0", seed)
    # A TPM takes no credential longer than the digest of the EK's Name.
    if not LEAST_CREDENTIAL <= len(credential) <= ek.name_hash.size:
        raise ValueError("a credential has 16 bytes at least, and at most "
                         "as many as the EK's Name digest")
    id_object = envelope.protect(ek, shared, ak_name, tpm2b(credential))
    return tpm2b(id_object), secret
