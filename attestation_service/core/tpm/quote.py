# SPDX-License-Identifier: Apache-2.0
"""Verify a TPM 2.0 quote.

In: untrusted bytes from an Attester.  Out: a :class:`VerifiedQuote`, the only
thing the appraisal code accepts as proof of PCR values.

Not decided here: whether the attestation key belongs to a genuine TPM
(``core.endorsement``), nor whether the values are good (``core.appraise``).
"""

from __future__ import annotations

import functools
import hmac
import struct
from typing import NamedTuple

from attestation_service.core.errors import (
    MalformedEvidence, StaleEvidence, UnauthenticEvidence)
from attestation_service.core.tpm.attestation_key import (
    AttestationKey, load_attestation_key)
from nova_trusted_launch.wire.digests import PcrBank, PcrSelection

__all__ = ("AttestationKey", "QuoteInfo", "VerifiedQuote",
           "load_attestation_key", "parse_attest", "parse_unsigned",
           "verify_pcr_digest", "verify_quote", "verify_signed_quote")

TPM_GENERATED = 0xFF544347
ST_ATTEST_QUOTE = 0x8018
LEAST_NONCE = 16
_MAGIC_TYPE_SIZE = struct.Struct(">IHH")
_SIZE = struct.Struct(">H")
_COUNT = struct.Struct(">I")
# clock, resetCount, restartCount, safe (TPMS_CLOCK_INFO); firmwareVersion.
_COUNTERS = struct.Struct(">QIIBQ")
_BANK_AND_SIZE = struct.Struct(">HB")

# Banks in the order they were quoted in, each with its registers.
Selections = tuple[tuple[int, frozenset[int]], ...]


class QuoteInfo(NamedTuple):
    """The fields of a quote's TPMS_ATTEST, unverified."""

    nonce: bytes
    clock: int
    reset_count: int
    restart_count: int
    safe: int
    firmware_version: int
    selections: Selections
    pcr_digest: bytes

    @classmethod
    def parse(cls, attest: bytes) -> QuoteInfo:
        """Take a quote apart.

        Fields are cut out where their sizes say; when the sizes add up to
        the whole, none was short and nothing is left.

        :raises MalformedEvidence: they do not, or it is no quote.
        """
        nonce, counters, at = parse_attest(attest, ST_ATTEST_QUOTE, "quote")
        selections: Selections = ()
        try:
            left, = _COUNT.unpack_from(attest, at)
            at += 4
            while left:
                alg, size = _BANK_AND_SIZE.unpack_from(attest, at)
                start = at + 3
                at = start + size
                registers = _registers(attest[start:at])
                # A TPM clears the map of a bank that it does not have.
                if registers:
                    selections += ((alg, registers),)
                left -= 1
            size, = _SIZE.unpack_from(attest, at)
        except struct.error as exc:
            raise MalformedEvidence("TPMS_ATTEST: cut short") from exc
        start = at + 2
        if start + size != len(attest):
            raise MalformedEvidence("TPMS_ATTEST: cut short, or bytes follow")
        if len(dict(selections)) != len(selections):
            raise MalformedEvidence("TPMS_ATTEST: a bank is selected twice")
        return cls(nonce, *counters, selections, attest[start:])


def parse_attest(attest: bytes, expected: int, what: str
                 ) -> tuple[bytes, tuple[int, int, int, int, int], int]:
    """Read the head of a TPMS_ATTEST of the ``expected`` type.

    Return its nonce, its counters (clock, resetCount, restartCount, safe,
    firmwareVersion) and where its body starts.

    :raises MalformedEvidence: cut, not made by a TPM, or of another type.
    """
    try:
        # qualifiedSigner: it is the key that is known, not its place.
        magic, kind, size = _MAGIC_TYPE_SIZE.unpack_from(attest)
        at = 8 + size
        size, = _SIZE.unpack_from(attest, at)
        start = at + 2
        at = start + size
        counters = _COUNTERS.unpack_from(attest, at)
    except struct.error as exc:
        raise MalformedEvidence("TPMS_ATTEST: cut short") from exc
    if magic != TPM_GENERATED:
        raise MalformedEvidence("the attestation was not made by a TPM")
    if kind != expected:
        raise MalformedEvidence(f"the attestation is not a {what}")
    if counters[3] > 1:
        raise MalformedEvidence("the attestation's safe flag is neither")
    return attest[start:at], counters, at + 25


class VerifiedQuote(NamedTuple):
    """PCR values proven to come from one AK, for one challenge.

    Only :func:`verify_quote` makes these.  ``safe`` is False when the TPM was
    not shut down in order, so that ``clock`` may have gone back.

    A tuple, as is QuoteInfo: one of each is made for every quote, and tuples
    are made fast.
    """

    pcrs: PcrBank
    reset_count: int
    restart_count: int
    clock: int
    safe: bool
    firmware_version: int


def verify_quote(
    attest: bytes,
    signature: bytes,
    pcrs: PcrBank,
    *,
    ak: AttestationKey,
    nonce: bytes,
    selection: PcrSelection,
) -> VerifiedQuote:
    """Prove that ``pcrs`` are the values ``ak`` quoted for ``nonce``.

    ``nonce`` is the qualifying data that we expect.  Checks, in this order:

    1. ``ak`` signed ``attest``, in its own scheme;
    2. ``attest`` is a quote made inside a TPM;
    3. it carries our ``nonce``;
    4. it selects exactly the registers that were asked for, in that bank;
    5. ``pcrs`` are those registers;
    6. its digest is the digest of their values.

    The caller must already trust ``ak``, and must have spent ``nonce``.

    :raises UnauthenticEvidence: check 1, 4, 5 or 6 failed.
    :raises MalformedEvidence: check 2 failed, or a structure is none.
    :raises StaleEvidence: check 3 failed.
    """
    if len(nonce) < LEAST_NONCE:
        raise ValueError("a short nonce proves nothing")
    info = verify_signed_quote(attest, signature, ak=ak, nonce=nonce)
    if info.selections != ((selection.alg.tpm_id, selection.registers),):
        raise UnauthenticEvidence(
            "the quote covers other registers than were asked for")
    if (pcrs.alg is not selection.alg
            or pcrs.values.keys() != selection.registers):
        raise UnauthenticEvidence(
            "the registers sent are not those the quote covers")
    verify_pcr_digest(info, pcrs.concatenated(), ak=ak)
    return VerifiedQuote(pcrs, info.reset_count, info.restart_count,
                         info.clock, info.safe == 1, info.firmware_version)


def verify_signed_quote(attest: bytes, signature: bytes, *,
                        ak: AttestationKey, nonce: bytes) -> QuoteInfo:
    """Make checks 1 to 3 of :func:`verify_quote`: whose it is, and for whom.

    Says nothing about PCR values.
    """
    if not ak.signed(attest, signature):
        raise UnauthenticEvidence("the attestation key did not sign this")
    info = QuoteInfo.parse(attest)
    if not hmac.compare_digest(info.nonce, nonce):
        raise StaleEvidence("the quote answers another challenge")
    return info


def verify_pcr_digest(info: QuoteInfo, values: bytes, *,
                      ak: AttestationKey) -> None:
    """Make check 6 of :func:`verify_quote`.

    ``values`` are those of the selected registers, one after the other, in
    the order of ``info.selections``.
    """
    if not hmac.compare_digest(info.pcr_digest, ak.digest(values)):
        raise UnauthenticEvidence("the PCR values are not the quoted ones")


def parse_unsigned(attest: bytes) -> None:
    """Say whether bytes that nobody signed are a quote cut or with a tail.

    The head is left out of it: what is not a quote at all is not half a one.

    :raises MalformedEvidence: they are.
    """
    head = TPM_GENERATED.to_bytes(4, "big") + ST_ATTEST_QUOTE.to_bytes(2)
    QuoteInfo.parse(head + attest[len(head):])


@functools.lru_cache(maxsize=256)
def _registers(bitmap: bytes) -> frozenset[int]:
    """Read the bitmap of TPMS_PCR_SELECTION; a fleet asks for few of them."""
    bits = int.from_bytes(bitmap, "little")
    return frozenset(i for i in range(bits.bit_length()) if bits >> i & 1)
