# SPDX-License-Identifier: Apache-2.0
"""Open what the service sealed, in the policy session it was sealed for.

Not decided here: what the seal demands (the service says it in the object's
policy); the TPM alone compares.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import tpm2_pytss as tss

from nova_trusted_launch.agent import tpm as port
from nova_trusted_launch.agent.tpm_tss import calls
from nova_trusted_launch.agent.tpm_tss.line import LAYERS
from nova_trusted_launch.wire.release import SealedKey

_NULL_SYMMETRIC = {"algorithm": tss.TPM2_ALG.NULL}
_REFUSALS = {
    0x084: "the PCRs are not those of the policy",
    0x09B: "the service's permission is not for this policy session",
    0x09D: "the PCRs are not those that the service saw in the quote",
    0x09F: "the key was sealed for another TPM",
    0x0A3: "the service's permission has expired",
    0x101: "the key was sealed for another TPM",
    0x128: "a PCR changed while the key was being unsealed",
}


class Parent(Protocol):
    """The endorsement key that the sealed object was wrapped for."""

    def handle(self, esapi: Any) -> contextlib.AbstractContextManager[Any]:
        """Have its handle for the time of the block."""

    def session(self, esapi: Any, ek: Any
                ) -> contextlib.AbstractContextManager[Any]:
        """Have what authorizes one use of it."""


def unseal(esapi: Any, parent: Parent, session: Any, *, nonce: bytes,
           sealed: SealedKey, reference: bytes) -> bytearray:
    """Import, load, satisfy the policy, unseal; the object is gone after.

    :raises SealRefused: the TPM keeps the key.
    """
    public = calls.unmarshal(tss.TPM2B_PUBLIC, sealed.public)
    duplicate = calls.unmarshal(tss.TPM2B_PRIVATE, sealed.duplicate)
    seed = calls.unmarshal(tss.TPM2B_ENCRYPTED_SECRET, sealed.seed)
    with _refusals():
        with parent.handle(esapi) as ek:
            with parent.session(esapi, ek) as auth:
                private = esapi.import_(
                    ek, b"", public, duplicate, seed,
                    tss.TPMT_SYM_DEF_OBJECT(**_NULL_SYMMETRIC),
                    session1=auth)
            with parent.session(esapi, ek) as auth:
                key = esapi.load(ek, private, public, session1=auth)
        try:
            esapi.policy_pcr(session, b"", calls.tss_selection(
                sealed.selection))
            policy_signed(esapi, session, nonce, sealed, reference)
            return _take(esapi.unseal(key, session1=session))
        finally:
            calls.flush(esapi, key)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Tell a TPM that keeps the key from one that failed."""
    try:
        yield
    except tss.TSS2_Exception as exc:
        reason = _REFUSALS.get(exc.error if exc.fmt1 else int(exc.rc))
        if reason is None or exc.rc & LAYERS:
            raise
        raise port.SealRefused(f"{reason} ({exc.rc:#x})") from exc


def policy_signed(esapi: Any, session: Any, nonce: bytes,
                  sealed: SealedKey, reference: bytes) -> None:
    """Bring the service's permission for this session."""
    area = calls.unmarshal(tss.TPMT_PUBLIC, sealed.policy_key)
    signature = calls.unmarshal(tss.TPMT_SIGNATURE, sealed.policy_signature)
    signer = esapi.load_external(tss.TPM2B_PUBLIC(publicArea=area))
    try:
        # By name: the order changed between releases of tpm2-pytss.
        esapi.policy_signed(
            auth_object=signer, policy_session=session, nonce_tpm=nonce,
            cp_hash_a=b"", policy_ref=reference,
            expiration=sealed.expiration, auth=signature)
    finally:
        calls.flush(esapi, signer)


def _take(secret: Any) -> bytearray:
    """Copy a secret out of the library's memory and overwrite it there."""
    data = bytearray(bytes(secret))
    raw = secret._cdata
    for i in range(raw.size):
        raw.buffer[i] = 0
    return data
