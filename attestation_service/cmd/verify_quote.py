# SPDX-License-Identifier: Apache-2.0
"""``attestation-verify quote``: is this quote that key's, for that nonce?"""

from __future__ import annotations

import argparse
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from attestation_service.cmd.offline import Report, parse_hex, read_file
from attestation_service.cmd.pcr_file import read_pcrs
from attestation_service.core.errors import (
    MalformedEvidence, UnauthenticEvidence, UnendorsedKey)
from attestation_service.core.tpm import quote
from attestation_service.core.tpm.attestation_key import (
    AttestationKey, load_attestation_key, unjudged_attestation_key)
from attestation_service.core.tpm.structures import (
    Signature, acceptable_hash, untpm2b)
from nova_trusted_launch.wire.digests import HashAlg, PcrBank

NAME = "quote"
HELP = "verify a TPM quote: its signature, its nonce and its PCR values"

_PEM = b"-----BEGIN "
_ACCEPTED = {alg.value: alg for alg in HashAlg}
_OTHERS = {0x0004: "sha1", 0x0012: "sm3_256"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``quote``."""
    parser.add_argument(
        "--ak", required=True, metavar="FILE",
        help="attestation key: TPM2B_PUBLIC, TPMT_PUBLIC or a public key in "
             "PEM (whose TPM attributes cannot be judged)")
    parser.add_argument("--attest", required=True, metavar="FILE",
                        help="the quote: TPMS_ATTEST")
    parser.add_argument("--signature", required=True, metavar="FILE",
                        help="its signature: TPMT_SIGNATURE")
    parser.add_argument("--nonce", required=True, metavar="HEX",
                        help="the qualifying data the quote must carry")
    parser.add_argument(
        "--pcrs", metavar="FILE.json",
        help='values of the registers quoted: {"0": "hex", ...} of SHA-256 '
             'or {"sha384": {"0": "hex", ...}}; values of other registers '
             "are left out, as nothing proves them")


def run(args: argparse.Namespace) -> Report:
    """Verify the quote; see :class:`offline.Subcommand`."""
    nonce = parse_hex(args.nonce, "--nonce")
    attest, signature = read_file(args.attest), read_file(args.signature)
    ak = load_key(read_file(args.ak), signature)
    offered = read_pcrs(args.pcrs) if args.pcrs else None
    info = verify_signed(attest, signature, ak, nonce)
    judge_banks(info)
    banks = None if offered is None else _covered(info, offered)
    if banks is not None:
        quote.verify_pcr_digest(
            info, b"".join(bank.concatenated() for bank in banks), ak=ak)
    return _report(info, ak, banks)


def load_key(data: bytes, signature: bytes) -> AttestationKey:
    """Read a key in whatever form it is in."""
    if data.startswith(_PEM):
        return _load_pem(data, signature)
    if len(data) >= 2 and int.from_bytes(data[:2], "big") == len(data) - 2:
        data = untpm2b(data, "TPM2B_PUBLIC")
    return load_attestation_key(data)


def _load_pem(data: bytes, signature: bytes) -> AttestationKey:
    """Take the scheme from the signature: a bare key does not say."""
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise MalformedEvidence(f"the attestation key: {exc}") from exc
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise UnendorsedKey("the attestation key is neither ECC nor RSA")
    parsed = Signature.parse(signature)
    return unjudged_attestation_key(
        key, parsed.scheme, acceptable_hash(parsed.hash_alg, "the signature"))


def verify_signed(attest: bytes, signature: bytes, ak: AttestationKey,
                  nonce: bytes) -> quote.QuoteInfo:
    """Verify whose quote it is and for whom, and say why not.

    :raises UnauthenticEvidence: the key did not sign it.
    :raises StaleEvidence: it answers another nonce.
    :raises MalformedEvidence: it is cut, has a tail, or is no quote.
    """
    try:
        return quote.verify_signed_quote(attest, signature, ak=ak,
                                         nonce=nonce)
    except UnauthenticEvidence:
        # Nobody signs half a quote: if it is cut or has a tail, say that.
        quote.parse_unsigned(attest)
        raise


def judge_banks(info: quote.QuoteInfo) -> None:
    """Refuse a quote over nothing, or over values that can be forged."""
    if not info.selections:
        raise UnauthenticEvidence("the quote covers no register")
    for alg, _ in info.selections:
        if alg not in _ACCEPTED:
            raise UnauthenticEvidence(
                f"the quote covers a bank of {_bank(alg)}, which is never "
                "accepted: its values can be forged")


def _covered(info: quote.QuoteInfo,
             offered: dict[HashAlg, PcrBank]) -> list[PcrBank]:
    """Keep the values that the quote covers, in its order.

    :raises UnauthenticEvidence: one of them was not given.
    """
    banks = []
    for alg, registers in info.selections:
        bank = offered.get(_ACCEPTED[alg])
        if bank is None or not registers <= set(bank.values):
            raise UnauthenticEvidence(
                f"the quote covers {_covers(info)}: not all of these values "
                "were given")
        banks.append(bank.only(registers))
    return banks


def _report(info: quote.QuoteInfo, ak: AttestationKey,
            banks: list[PcrBank] | None) -> Report:
    judged = bool(ak.name)
    fields: dict[str, Any] = {
        "verified": True,
        "ak": {"name": ak.name.hex() or None, "attributes_judged": judged,
               "scheme": ak.scheme.name.lower(), "hash": ak.hash_alg.label},
        "nonce": info.nonce.hex(), "clock": info.clock,
        "reset_count": info.reset_count,
        "restart_count": info.restart_count, "safe": info.safe == 1,
        "firmware_version": f"{info.firmware_version:016x}",
        "selection": {_bank(alg): sorted(found)
                      for alg, found in info.selections},
        "pcr_digest": info.pcr_digest.hex(),
        "pcrs": None if banks is None else {
            bank.alg.label: bank.to_dict()[bank.alg.label]
            for bank in banks}}
    lines = ["The quote is authentic and answers this nonce.",
             f"Key: {ak.name.hex() or 'a bare public key'} "
             f"({ak.scheme.name}, {ak.hash_alg.label})",
             f"Registers: {_covers(info)}",
             f"Resets {info.reset_count}, restarts {info.restart_count}, "
             f"clock {info.clock} ms, "
             f"{'safe' if info.safe else 'NOT safe (no orderly shutdown)'}"]
    if not judged:
        lines.append("The key's attributes cannot be judged from PEM: it may "
                     "sign what no TPM made.")
    lines.append("The PCR values are those quoted." if banks is not None else
                 "No PCR values were given: only their digest is proven.")
    return Report(fields, lines)


def _covers(info: quote.QuoteInfo) -> str:
    return "; ".join(f"{_bank(alg)} {','.join(map(str, sorted(registers)))}"
                     for alg, registers in info.selections)


def _bank(alg: int) -> str:
    if alg in _ACCEPTED:
        return _ACCEPTED[alg].label
    return _OTHERS.get(alg, f"{alg:#06x}")
