# SPDX-License-Identifier: Apache-2.0
"""A software TPM for tests: it signs truthfully whatever state it is in.

A test that wants a lie tells it in one place: extend a register, change a
field of what came back, or swap one TPM's answer for another's.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed, encode_dss_signature)
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from attestation_service.core.tpm import envelope, quote, wrap
from attestation_service.core.tpm.reader import Reader
from attestation_service.core.tpm.structures import (
    HASHES, Public, Signature, tpm2b, untpm2b)
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from nova_trusted_launch.wire.release import SealedKey, policy_ref
from tests.fakes.ca import FakeCa
from tests.fakes.tpm_keys import (
    AK_ATTRIBUTES, EK_ATTRIBUTES, new_key, public_area, sign)

__all__ = ("AK_ATTRIBUTES", "EK_ATTRIBUTES", "FakeTpm", "TpmRefused",
           "new_key", "public_area", "sign")


class TpmRefused(Exception):
    """The TPM's answer is a response code and nothing else."""


class FakeTpm:
    """One TPM with an EK, its certificate, an AK and one PCR bank."""

    def __init__(self, *, ca: FakeCa | None = None, ek: str = "ek-p256",
                 pcrs: Mapping[int, bytes] | None = None,
                 alg: HashAlg = HashAlg.SHA256, host: str = "host") -> None:
        self.ca = ca or FakeCa()
        self.parent_name = ek
        self.alg = alg
        self.values = {i: bytes(alg.size) for i in range(24)} | dict(
            pcrs or {})
        self.reset_count, self.restart_count = 1, 0
        self.clock, self.safe = 1000, True
        self.firmware_version = 0x2019102300163636
        self._sessions: dict[bytes, int] = {}
        self._ek_key, self._ak_key = new_key(ek[3:]), new_key("p256")
        high = ek == "ek-p384"
        self.ek_public = public_area(
            self._ek_key.public_key(), EK_ATTRIBUTES,
            alg=0x000C if high else 0x000B,
            symmetric=bytes.fromhex("000601000043" if high
                                    else "000600800043"))
        self.ak_public = public_area(
            self._ak_key.public_key(), AK_ATTRIBUTES,
            scheme=bytes.fromhex("0018000b"))
        self.ek_certificate = self.ca.issue(self._ek_key.public_key(),
                                            subject=host)
        self.intermediates = (self.ca.intermediate.der,)
        self.ak = quote.load_attestation_key(self.ak_public)

    # State.

    def bank(self, registers: Any = range(24)) -> PcrBank:
        """Return the values of some registers as they are now."""
        return PcrBank(self.alg, {i: self.values[i] for i in registers})

    def extend(self, index: int, digest: bytes) -> None:
        """Extend a register."""
        self.values[index] = self.alg.digest(self.values[index] + digest)

    def reboot(self) -> None:
        """Start again: registers zero, sessions gone, reset counted."""
        self.values = dict.fromkeys(range(24), bytes(self.alg.size))
        self.reset_count, self.restart_count = self.reset_count + 1, 0
        self._sessions.clear()

    # Attestation.

    def attest(self, kind: int, qualifying: bytes, body: bytes) -> bytes:
        """Write a TPMS_ATTEST of any kind."""
        self.clock += 10
        return (b"\xffTCG" + kind.to_bytes(2, "big")
                + tpm2b(self.ak.name) + tpm2b(qualifying)
                + self.clock.to_bytes(8) + self.reset_count.to_bytes(4)
                + self.restart_count.to_bytes(4) + bytes([self.safe])
                + self.firmware_version.to_bytes(8) + body)

    def sign(self, message: bytes) -> bytes:
        """Sign with the AK."""
        return sign(self._ak_key, message, "ecdsa")

    def quote(self, qualifying: bytes, selection: PcrSelection | None = None
              ) -> tuple[bytes, bytes]:
        """Return TPMS_ATTEST and TPMT_SIGNATURE; default: all registers."""
        selection = selection or self.bank().selection
        digest = HashAlg.SHA256.digest(
            self.bank(selection.registers).concatenated())
        attest = self.attest(0x8018, qualifying, wrap.marshal_selection(
            selection) + tpm2b(digest))
        return attest, self.sign(attest)

    # What others protect for this TPM.

    def activate_credential(self, id_object: bytes, secret: bytes) -> bytes:
        """Open a credential made for this EK and this AK."""
        plain = self._open(untpm2b(id_object, "ID_OBJECT"), secret,
                           b"IDENTITY\0", self.ak.name)
        return untpm2b(plain, "credential")

    def start_session(self) -> bytes:
        """Start a policy session; return its nonceTPM."""
        nonce = secrets.token_bytes(32)
        self._sessions[nonce] = self.clock
        return nonce

    def unseal(self, sealed: SealedKey, release_id: str,
               nonce_tpm: bytes) -> bytes:
        """Import, PolicyPCR, PolicySigned and Unseal, in that session."""
        public = untpm2b(sealed.public, "PUBLIC")
        if int.from_bytes(public[4:8], "big") & 0x12:
            raise TpmRefused("0x2c2: fixed objects cannot be imported")
        name = b"\x00\x0b" + HashAlg.SHA256.digest(public)
        plain = self._open(untpm2b(sealed.duplicate, "PRIVATE"), sealed.seed,
                           b"DUPLICATE\0", name)
        started = self._sessions.pop(nonce_tpm, None)
        if started is None:
            raise TpmRefused("0x5db: not this session")
        if self.clock > started + sealed.expiration * 1000:
            raise TpmRefused("0x9a3: expired")
        self._policy_signed(sealed, nonce_tpm, release_id)
        if wrap.policy_digest(
                self.bank(sealed.selection.registers),
                Public.parse(sealed.policy_key).name,
                policy_ref(release_id)) != public[10:42]:
            raise TpmRefused("0x99d: policy")
        r = Reader(untpm2b(plain, "SENSITIVE"), "TPMT_SENSITIVE")
        r.take(2), r.sized(), r.sized()
        return r.sized()

    @staticmethod
    def _policy_signed(sealed: SealedKey, nonce_tpm: bytes,
                       release_id: str) -> None:
        r, s = (int.from_bytes(n, "big") for n in Signature.parse(
            sealed.policy_signature).parts)
        digest = wrap.policy_signed_ahash(
            nonce_tpm, sealed.expiration, b"", policy_ref(release_id))
        try:
            Public.parse(sealed.policy_key).key.verify(  # type: ignore
                encode_dss_signature(r, s), digest,
                ec.ECDSA(Prehashed(hashes.SHA256())))
        except Exception as exc:
            raise TpmRefused("0x5db: signature") from exc

    def _open(self, blob: bytes, secret: bytes, label: bytes,
              name: bytes) -> bytes:
        ek = Public.parse(self.ek_public)
        seed = self._seed(untpm2b(secret, "ENCRYPTED_SECRET"), label, ek)
        size = ek.name_hash.size
        mac, sealed = blob[2:2 + size], blob[2 + size:]
        key = envelope.kdfa(ek.name_hash, seed, b"INTEGRITY\0", b"", size * 8)
        if not hmac.compare_digest(mac, hmac.digest(
                key, sealed + name, ek.name_hash.label)):
            raise TpmRefused("0x1df: integrity")
        assert ek.symmetric is not None
        key = envelope.kdfa(ek.name_hash, seed, b"STORAGE\0", name,
                            ek.symmetric[1])
        block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        plain, last = b"", bytes(16)
        for at in range(0, len(sealed), 16):
            pad, last = block.update(last), sealed[at:at + 16].ljust(16)
            plain += bytes(a ^ b for a, b in zip(last, pad, strict=True))
        return plain[:len(sealed)]

    def _seed(self, secret: bytes, label: bytes, ek: Public) -> bytes:
        alg = HASHES[ek.name_hash]
        if isinstance(self._ek_key, rsa.RSAPrivateKey):
            try:
                return self._ek_key.decrypt(secret, padding.OAEP(
                    padding.MGF1(alg), alg, label))
            except ValueError as exc:
                raise TpmRefused("0x101: RSA seed") from exc
        r = Reader(secret, "TPMS_ECC_POINT")
        x, y = r.sized(), r.sized()
        point = ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"),
            self._ek_key.curve).public_key()
        return envelope.kdfe(ek.name_hash, self._ek_key.exchange(
            ec.ECDH(), point), label, x, ek.unique[0])
