# SPDX-License-Identifier: Apache-2.0
"""Verify that a storage key (SRK) lives in the TPM of an AK: TPM2_Certify.

In: what TPM2_Certify returned and the public area that it is about.  Out: a
parent that keys may be sealed under.

Not decided here: whose the AK is (``core.tpm.credential`` at enrolment).
"""

from __future__ import annotations

import hmac

from attestation_service.core.errors import (
    StaleEvidence, UnauthenticEvidence, UnendorsedKey)
from attestation_service.core.tpm.attestation_key import AttestationKey
from attestation_service.core.tpm.envelope import verify_storage_key
from attestation_service.core.tpm.quote import parse_attest
from attestation_service.core.tpm.reader import Reader
from attestation_service.core.tpm.structures import Public

ST_ATTEST_CERTIFY = 0x8017


def verify_certified_parent(
    certify_info: bytes,
    signature: bytes,
    *,
    ak: AttestationKey,
    nonce: bytes,
    parent_public: bytes,
) -> Public:
    """Prove that ``parent_public`` (a TPMT_PUBLIC) is a key beside ``ak``.

    Checks, in this order:

    1. ``ak`` signed ``certify_info``;
    2. that is a TPM2_Certify made inside a TPM, for our ``nonce``;
    3. it is about ``parent_public``: the Name is the same;
    4. that is a storage key that can not leave its TPM;
    5. with an empty policy: no other way to use it than its owner's.

    The caller must already trust ``ak``.

    :raises UnauthenticEvidence: check 1 or 3 failed.
    :raises MalformedEvidence: a structure is none, or not a certification.
    :raises StaleEvidence: it answers another challenge.
    :raises UnendorsedKey: check 4 or 5 failed.
    """
    if not ak.signed(certify_info, signature):
        raise UnauthenticEvidence("the attestation key did not sign this")
    told, _, at = parse_attest(certify_info, ST_ATTEST_CERTIFY,
                               "certification of a key")
    r = Reader(certify_info[at:], "TPMS_CERTIFY_INFO")
    name = r.sized()
    r.sized()  # qualifiedName: where below its hierarchy the key is.
    r.finish()
    if not hmac.compare_digest(told, nonce):
        raise StaleEvidence("the certification answers another challenge")
    parent = Public.parse(parent_public)
    if not hmac.compare_digest(name, parent.name):
        raise UnauthenticEvidence("the attestation key certified another key")
    verify_storage_key(parent)
    if parent.auth_policy:
        raise UnendorsedKey("the storage key has a policy of its own")
    return parent
