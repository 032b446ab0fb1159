# SPDX-License-Identifier: Apache-2.0
"""A real TPM for the tests, over tpm2-pytss: what an honest host would do.

Everything goes in and out as marshalled bytes.  No error is translated: the
tests ask for the TPM's own response codes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tpm2_pytss as tss

from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from nova_trusted_launch.wire.release import SealedKey, policy_ref

TR = tss.ESYS_TR
_NULL = tss.TPMT_SYM_DEF(algorithm=tss.TPM2_ALG.NULL)
_PERSISTENT = {"ek-rsa2048": 0x81010001, "ek-p384": 0x81010016}
_CERTIFICATES = {"ek-rsa2048": 0x01C00002, "ek-p384": 0x01C00016}
# TCG EK Credential Profile, template L-2 (P-256); and a P-256 SRK.
_EK_POLICY = bytes.fromhex(
    "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
_POINT = bytes.fromhex("0020" + "00" * 32) * 2
_TEMPLATES = {
    "ek-p256": bytes.fromhex("0023000b000300b20020") + _EK_POLICY
    + bytes.fromhex("000600800043001000030010") + _POINT,
    "srk": bytes.fromhex("0023000b000304720000" "000600800043001000030010")
    + _POINT}
_AK = {"ecdsa-p256": "0023 000b 00050072 0000 0010 0018000b 0003 0010",
       "ecdsa-p384": "0023 000c 00050072 0000 0010 0018000c 0004 0010",
       "rsassa": "0001 000b 00050072 0000 0010 0014000b 0800 00000000",
       "rsapss": "0001 000b 00050072 0000 0010 0016000b 0800 00000000"}


def _area(hexed: str, tail: bytes = b"") -> Any:
    data = bytes.fromhex(hexed.replace(" ", "")) + tail
    return tss.TPM2B_PUBLIC(publicArea=tss.TPMT_PUBLIC.unmarshal(data)[0])


def selection(wanted: PcrSelection) -> Any:
    """Write a selection the way tpm2-pytss has it."""
    return tss.TPML_PCR_SELECTION([tss.TPMS_PCR_SELECTION(
        hash=tss.TPM2_ALG(wanted.alg.value), pcrs=sorted(wanted.registers))])


class RealTpm:
    """An open connection; use it as a context."""

    def __init__(self, tcti: str) -> None:
        self.esapi = tss.ESAPI(tcti)

    def __enter__(self) -> RealTpm:
        return self

    def __exit__(self, *_: Any) -> None:
        self.esapi.close()

    # Keys.

    @contextlib.contextmanager
    def parent(self, kind: str) -> Iterator[Any]:
        """Yield the handle of an EK, or of the SRK."""
        if kind in _PERSISTENT:
            yield self.esapi.tr_from_tpmpublic(_PERSISTENT[kind])
            return
        hierarchy = TR.OWNER if kind == "srk" else TR.ENDORSEMENT
        with self._primary(hierarchy, tss.TPM2B_PUBLIC(
                publicArea=tss.TPMT_PUBLIC.unmarshal(
                    _TEMPLATES[kind])[0])) as key:
            yield key

    @contextlib.contextmanager
    def ak(self, kind: str = "ecdsa-p256") -> Iterator[Any]:
        """Yield the handle of an attestation key."""
        tail = b"\x00\x00" * (2 if kind.startswith("ecdsa") else 1)
        with self._primary(TR.ENDORSEMENT, _area(_AK[kind], tail)) as key:
            yield key

    @contextlib.contextmanager
    def _primary(self, hierarchy: Any, template: Any) -> Iterator[Any]:
        key = self.esapi.create_primary(
            tss.TPM2B_SENSITIVE_CREATE(), template, hierarchy)[0]
        with self._flushed(key):
            yield key

    def public(self, handle: Any) -> bytes:
        """Return a key's TPMT_PUBLIC."""
        return bytes(self.esapi.read_public(handle)[0].publicArea.marshal())

    def certificate(self, kind: str) -> bytes:
        """Read an EK certificate from NV."""
        return self.nv_read(_CERTIFICATES[kind])

    def nv_read(self, index: int) -> bytes:
        """Read a whole NV index."""
        nv = self.esapi.tr_from_tpmpublic(index)
        size = self.esapi.nv_read_public(nv)[0].nvPublic.dataSize
        return b"".join(
            bytes(self.esapi.nv_read(nv, min(512, size - at), at,
                                     auth_handle=nv))
            for at in range(0, size, 512))

    # Attestation.

    def quote(self, ak: Any, qualifying: bytes, wanted: PcrSelection
              ) -> tuple[bytes, bytes]:
        """Return a TPMS_ATTEST and a TPMT_SIGNATURE."""
        attest, signature = self.esapi.quote(ak, selection(wanted),
                                             qualifying)
        return bytes(attest), bytes(signature.marshal())

    def certify(self, key: Any, ak: Any, qualifying: bytes
                ) -> tuple[bytes, bytes]:
        """Have the AK certify a key."""
        info, signature = self.esapi.certify(
            key, ak, qualifying, tss.TPMT_SIG_SCHEME(
                scheme=tss.TPM2_ALG.NULL))
        return bytes(info), bytes(signature.marshal())

    def bank(self, wanted: PcrSelection) -> PcrBank:
        """Read PCR values, as many reads as it takes."""
        values: dict[int, bytes] = {}
        for i in sorted(wanted.registers):
            digests = self.esapi.pcr_read(selection(PcrSelection(
                wanted.alg, frozenset({i}))))[2]
            values[i] = bytes(digests[0])
        return PcrBank(wanted.alg, values)

    def extend(self, index: int, digest: bytes,
               alg: HashAlg = HashAlg.SHA256) -> None:
        """Extend a register of one bank."""
        self.esapi.pcr_extend(TR(index), tss.TPML_DIGEST_VALUES([
            tss.TPMT_HA(hashAlg=tss.TPM2_ALG(alg.value),
                        digest=tss.TPMU_HA(**{alg.label: digest}))]))

    # What others protect for this TPM.

    def activate(self, ak: Any, kind: str, id_object: bytes,
                 secret: bytes) -> bytes:
        """Activate a credential."""
        with self.parent(kind) as ek, self._parent_auth(kind, ek) as auth:
            return bytes(self.esapi.activate_credential(
                ak, ek, tss.TPM2B_ID_OBJECT.unmarshal(id_object)[0],
                tss.TPM2B_ENCRYPTED_SECRET.unmarshal(secret)[0],
                session2=auth))

    @contextlib.contextmanager
    def session(self) -> Iterator[tuple[Any, bytes]]:
        """Yield a policy session and its nonceTPM."""
        session = self._start(tss.TPM2_ALG.SHA256)
        with self._flushed(session):
            yield session, bytes(self.esapi.trsess_get_nonce_tpm(session))

    def load(self, sealed: SealedKey) -> Any:
        """Import and load a sealed object; return its handle."""
        public = tss.TPM2B_PUBLIC.unmarshal(sealed.public)[0]
        with self.parent(sealed.parent) as parent:
            with self._parent_auth(sealed.parent, parent) as auth:
                private = self.esapi.import_(
                    parent, b"", public,
                    tss.TPM2B_PRIVATE.unmarshal(sealed.duplicate)[0],
                    tss.TPM2B_ENCRYPTED_SECRET.unmarshal(sealed.seed)[0],
                    tss.TPMT_SYM_DEF_OBJECT(algorithm=tss.TPM2_ALG.NULL),
                    session1=auth)
            with self._parent_auth(sealed.parent, parent) as auth:
                return self.esapi.load(parent, private, public,
                                       session1=auth)

    def policy(self, session: Any, nonce_tpm: bytes, sealed: SealedKey,
               release_id: str, pcr_digest: bytes = b"") -> Any:
        """Run PolicyPCR and PolicySigned; return the ticket."""
        self.esapi.policy_pcr(session, pcr_digest,
                              selection(sealed.selection))
        area = tss.TPMT_PUBLIC.unmarshal(sealed.policy_key)[0]
        key = self.esapi.load_external(tss.TPM2B_PUBLIC(publicArea=area))
        with self._flushed(key):
            return self.esapi.policy_signed(
                key, session, nonce_tpm, b"", policy_ref(release_id),
                sealed.expiration, tss.TPMT_SIGNATURE.unmarshal(
                    sealed.policy_signature)[0])

    def unseal(self, session: Any, nonce_tpm: bytes, sealed: SealedKey,
               release_id: str) -> bytes:
        """Do all of it."""
        key = self.load(sealed)
        with self._flushed(key):
            self.policy(session, nonce_tpm, sealed, release_id)
            return bytes(self.esapi.unseal(key, session1=session))

    @contextlib.contextmanager
    def _parent_auth(self, kind: str, handle: Any) -> Iterator[Any]:
        area = self.esapi.read_public(handle)[0].publicArea
        if area.objectAttributes & tss.TPMA_OBJECT.USERWITHAUTH:
            yield TR.PASSWORD
            return
        session = self._start(area.nameAlg)
        with self._flushed(session):
            self.esapi.policy_secret(TR.ENDORSEMENT, session, b"", b"", b"",
                                     0)
            yield session

    def _start(self, alg: Any) -> Any:
        return self.esapi.start_auth_session(
            TR.NONE, TR.NONE, tss.TPM2_SE.POLICY, _NULL, alg)

    @contextlib.contextmanager
    def _flushed(self, handle: Any) -> Iterator[None]:
        try:
            yield
        finally:
            with contextlib.suppress(tss.TSS2_Exception):
                self.esapi.flush_context(handle)
