# SPDX-License-Identifier: Apache-2.0
"""Verify a TPM 2.0 quote.

In: untrusted bytes from an Attester.  Out: a :class:`VerifiedQuote`, the only
thing the appraisal code accepts as proof of PCR values.

Not decided here: whether the attestation key belongs to a genuine TPM
(``core.endorsement``), nor whether the values are good (``core.appraise``).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

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

# Banks in the order they were quoted in, each with its registers.
Selections = tuple[tuple[int, frozenset[int]], ...]


@dataclass(frozen=True, slots=True)
class AttestHeader:
    """What every TPMS_ATTEST starts with: TPMS_CLOCK_INFO and more."""

    nonce: bytes
    clock: int
    reset_count: int
    restart_count: int
    safe: bool
    firmware_version: int


def parse_attest(r: Reader, expected: int, what: str) -> AttestHeader:
    """Read the head of a TPMS_ATTEST of the ``expected`` type.

    :raises MalformedEvidence: not made by a TPM, or of another type.
    """
    if r.uint(4) != TPM_GENERATED:
        raise MalformedEvidence("the attestation was not made by a TPM")
    if r.uint(2) != expected:
        raise MalformedEvidence(f"the attestation is not a {what}")
    r.sized()  # qualifiedSigner: it is the key that is known, not its place.
    nonce = r.sized()
    clock, resets, restarts = r.uint(8), r.uint(4), r.uint(4)
    safe = r.uint(1)
    if safe > 1:
        raise MalformedEvidence("the attestation's safe flag is neither")
    return AttestHeader(nonce, clock, resets, restarts, bool(safe), r.uint(8))


@dataclass(frozen=True, slots=True)
class QuoteInfo:
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
                         h.safe, h.firmware_version)


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
    offered = tuple((bank.alg.value, frozenset(bank.values))
                    for bank in banks)
    if info.selections != offered:
        raise UnauthenticEvidence(
            "the registers sent are not those the quote covers")
    digest = ak.hash_alg.digest(b"".join(b.concatenated() for b in banks))
    if not hmac.compare_digest(info.pcr_digest, digest):
        raise UnauthenticEvidence("the PCR values are not the quoted ones")


def _parse_selections(r: Reader) -> Selections:
    """Read TPML_PCR_SELECTION."""
    selections: dict[int, frozenset[int]] = {}
    for _ in range(r.uint(4)):
        alg = r.uint(2)
        bitmap = int.from_bytes(r.take(r.uint(1)), "little")
        if alg in selections:
            raise MalformedEvidence(f"bank {alg:#06x} is selected twice")
        selections[alg] = frozenset(
            i for i in range(bitmap.bit_length()) if bitmap >> i & 1)
    # A TPM clears the map of a bank it does not have: that says nothing.
    return tuple((alg, found) for alg, found in selections.items() if found)
