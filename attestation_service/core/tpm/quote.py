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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from attestation_service.core.errors import (
    MalformedEvidence, StaleEvidence, UnauthenticEvidence)
from attestation_service.core.tpm.attestation_key import (
    AttestationKey, load_attestation_key)
from attestation_service.core.tpm.reader import Reader
from nova_trusted_launch.wire.digests import PcrBank, PcrSelection

__all__ = ("AttestationKey", "QuoteInfo", "VerifiedQuote",
           "load_attestation_key", "parse_attest", "verify_quote",
           "verify_registers", "verify_signed_quote")

TPM_GENERATED = 0xFF544347
ST_ATTEST_QUOTE = 0x8018
LEAST_NONCE = 16
_MAGIC_AND_TYPE = struct.Struct(">IH")
# TPMS_CLOCK_INFO (clock, resetCount, restartCount, safe), firmwareVersion.
_CLOCK_AND_FIRMWARE = struct.Struct(">QIIBQ")
_BANK_AND_SIZE = struct.Struct(">HB")

# Banks in the order they were quoted in, each with its registers.
Selections = tuple[tuple[int, frozenset[int]], ...]


class AttestHeader(NamedTuple):
    """What every TPMS_ATTEST starts with.

    A tuple, as one is made for every quote and tuples are made fast.
    """

    nonce: bytes
    clock: int
    reset_count: int
    restart_count: int
    safe: int
    firmware_version: int


def parse_attest(r: Reader, expected: int, what: str) -> AttestHeader:
    """Read the head of a TPMS_ATTEST of the ``expected`` type.

    :raises MalformedEvidence: not made by a TPM, or of another type.
    """
    magic, kind = r.unpack(_MAGIC_AND_TYPE)
    if magic != TPM_GENERATED:
        raise MalformedEvidence("the attestation was not made by a TPM")
    if kind != expected:
        raise MalformedEvidence(f"the attestation is not a {what}")
    r.sized()  # qualifiedSigner: it is the key that is known, not its place.
    header = AttestHeader(r.sized(), *r.unpack(_CLOCK_AND_FIRMWARE))
    if header.safe > 1:
        raise MalformedEvidence("the attestation's safe flag is neither")
    return header


class QuoteInfo(NamedTuple):
    """The fields of a quote's TPMS_ATTEST, unverified."""

    header: AttestHeader
    selections: Selections
    pcr_digest: bytes

    @classmethod
    def parse(cls, attest: bytes) -> QuoteInfo:
        """Take a quote apart.

        :raises MalformedEvidence: it is anything else.
        """
        r = Reader(attest, "TPMS_ATTEST")
        header = parse_attest(r, ST_ATTEST_QUOTE, "quote")
        selections, digest = _parse_selections(r), r.sized()
        r.finish()
        return cls(header, selections, digest)


@dataclass(frozen=True, slots=True)
class VerifiedQuote:
    """PCR values proven to come from one AK, for one challenge.

    Only :func:`verify_quote` makes these.  ``safe`` is False when the TPM was
    not shut down in order, so that ``clock`` may have gone back.
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
    if info.selections != ((selection.alg.value, selection.registers),):
        raise UnauthenticEvidence(
            "the quote covers other registers than were asked for")
    verify_registers(info, (pcrs,), ak=ak)
    h = info.header
    return VerifiedQuote(pcrs, h.reset_count, h.restart_count, h.clock,
                         h.safe == 1, h.firmware_version)


def verify_signed_quote(attest: bytes, signature: bytes, *,
                        ak: AttestationKey, nonce: bytes) -> QuoteInfo:
    """Make checks 1 to 3 of :func:`verify_quote`: whose it is, and for whom.

    Says nothing about PCR values.
    """
    if not ak.signed(attest, signature):
        raise UnauthenticEvidence("the attestation key did not sign this")
    info = QuoteInfo.parse(attest)
    if not hmac.compare_digest(info.header.nonce, nonce):
        raise StaleEvidence("the quote answers another challenge")
    return info


def verify_registers(info: QuoteInfo, banks: Sequence[PcrBank], *,
                     ak: AttestationKey) -> None:
    """Make checks 5 and 6 of :func:`verify_quote` for one bank or more.

    ``banks`` stand in the order of the quote.
    """
    offered = tuple([(bank.alg.value, frozenset(bank.values))
                     for bank in banks])
    if info.selections != offered:
        raise UnauthenticEvidence(
            "the registers sent are not those the quote covers")
    digest = ak.hash_alg.digest(b"".join([b.concatenated() for b in banks]))
    if not hmac.compare_digest(info.pcr_digest, digest):
        raise UnauthenticEvidence("the PCR values are not the quoted ones")


def parse_unsigned(attest: bytes) -> None:
    """Say whether bytes that nobody signed are a quote cut or with a tail.

    The head is left out of it: what is not a quote at all is not half a one.

    :raises MalformedEvidence: they are.
    """
    head = TPM_GENERATED.to_bytes(4, "big") + ST_ATTEST_QUOTE.to_bytes(2)
    QuoteInfo.parse(head + attest[len(head):])


def _parse_selections(r: Reader) -> Selections:
    """Read TPML_PCR_SELECTION."""
    selections: dict[int, frozenset[int]] = {}
    for _ in range(r.uint(4)):
        alg, size = r.unpack(_BANK_AND_SIZE)
        registers = _registers(r.take(size))
        if alg in selections:
            raise MalformedEvidence(f"bank {alg:#06x} is selected twice")
        selections[alg] = registers
    # A TPM clears the map of a bank it does not have: that says nothing.
    return tuple([bank for bank in selections.items() if bank[1]])


@functools.lru_cache(maxsize=256)
def _registers(bitmap: bytes) -> frozenset[int]:
    """Read the bitmap of TPMS_PCR_SELECTION; a fleet asks for few of them."""
    bits = int.from_bytes(bitmap, "little")
    return frozenset(i for i in range(bits.bit_length()) if bits >> i & 1)
