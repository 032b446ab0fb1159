# SPDX-License-Identifier: Apache-2.0
"""Evidence of one host in a folder of files.

================================ ==========================================
``ak.tpm2b_public``              the attestation key (TPM2B or TPMT_PUBLIC)
``ak.name``                      its name, if it is there
``quote.attest`` ``quote.sig``   the quote and its signature
``pcrs.json``                    values of the registers quoted, or of more
``ek*.der`` (.pem .crt .cer)     certificates of the endorsement keys
``intermediate*.der`` (...)      certificates between those and an anchor
``bios_measurements``            the boot log, if the host has one
``ima_bin`` ``ima_ascii``        the IMA list, in one form or in both
``cmdline``                      /proc/cmdline, if it is there
================================ ==========================================

Logs may be compressed (``.gz``).  Any other file is not looked at.
"""

from __future__ import annotations

import datetime
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization

from attestation_service.cmd.offline import UsageError, read_file, read_log
from attestation_service.cmd.pcr_file import read_pcrs
from attestation_service.cmd.verify_quote import (
    judge_banks,
    load_key,
    verify_signed,
)
from attestation_service.core import endorsement
from attestation_service.core.bootlog import tcg
from attestation_service.core.endorsement import (
    TrustAnchors,
    VerifiedCertificate,
)
from attestation_service.core.errors import (
    MalformedEvidence,
    StaleEvidence,
    UnauthenticEvidence,
    UnendorsedKey,
)
from attestation_service.core.ima.replay import MAX_SIZE
from attestation_service.core.tpm.attestation_key import AttestationKey
from attestation_service.core.tpm.quote import (
    LEAST_NONCE,
    VerifiedQuote,
    verify_quote,
)
from attestation_service.core.trust_anchors import read_certificates
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection

_CERTIFICATES = {".der", ".pem", ".crt", ".cer"}
_IMA = ("ima_bin", "ima_ascii")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder's files: what they claim, nothing proven yet."""

    ak: AttestationKey
    attest: bytes
    signature: bytes
    # Of every bank that we accept; the quote tells which of them count.
    pcrs: dict[HashAlg, PcrBank]
    boot_log: bytes | None
    # In each form that is there; an empty tuple: the host has no list.
    ima_logs: tuple[bytes, ...]
    ek_certificates: tuple[bytes, ...]
    intermediates: tuple[bytes, ...]
    cmdline: str | None


def read_folder(path: str) -> Folder:
    """Read the files.

    :raises UsageError: there is no such folder, or it lacks a file that all
        evidence has.
    :raises MalformedEvidence: a file is not what it should be.
    :raises UnauthenticEvidence: ``ak.name`` is another key's.
    """
    folder = pathlib.Path(path)
    if not folder.is_dir():
        raise UsageError(f"{path}: not a folder")
    signature = read_file(str(folder / "quote.sig"))
    return Folder(
        _key(folder, signature), read_file(str(folder / "quote.attest")),
        signature, read_pcrs(str(folder / "pcrs.json")),
        _log(folder, "bios_measurements", tcg.MAX_SIZE),
        tuple(log for log in (_log(folder, name, MAX_SIZE) for name in _IMA)
              if log is not None),
        tuple(_certificates(folder, "ek")),
        tuple(_certificates(folder, "intermediate")),
        _text(folder / "cmdline"))


def verify_endorsements(found: Folder, *, anchors: TrustAnchors,
                        now: datetime.datetime) -> VerifiedCertificate:
    """Prove that a trust anchor vouches for every EK certificate.

    That the attestation key lives in the TPM of these endorsement keys was
    proven when the host enrolled: no file can prove it.

    :raises UnendorsedKey: there is none, one is not vouched for, or they
        speak of different makers.
    """
    verified = [endorsement.verify_certificate(
        certificate, found.intermediates, anchors=anchors, now=now)
        for certificate in found.ek_certificates]
    if not verified:
        raise UnendorsedKey("there is no EK certificate (ek*.der)")
    if len({(v.manufacturer, v.hardware) for v in verified}) != 1:
        raise UnendorsedKey("the EK certificates are of different TPMs")
    return verified[0]


def verify_folder_quote(found: Folder, nonce: bytes) -> VerifiedQuote:
    """Prove the registers; the checks are those of ``verify_quote``.

    :raises StaleEvidence: the nonce is another, or too short to be one.
    :raises UnauthenticEvidence: the key did not sign this, or other values.
    :raises MalformedEvidence: a structure is none.
    """
    info = verify_signed(found.attest, found.signature, found.ak, nonce)
    judge_banks(info)
    if len(nonce) < LEAST_NONCE:
        raise StaleEvidence("a short nonce proves nothing")
    if len(info.selections) != 1:
        raise UnauthenticEvidence("the quote covers several banks")
    (number, registers), = info.selections
    alg = HashAlg(number)
    offered = found.pcrs.get(alg)
    if offered is None or not registers <= set(offered.values):
        raise UnauthenticEvidence(
            "pcrs.json does not have all the values that were quoted")
    return verify_quote(
        found.attest, found.signature, offered.only(registers), ak=found.ak,
        nonce=nonce, selection=PcrSelection(alg, registers))


def _key(folder: pathlib.Path, signature: bytes) -> AttestationKey:
    """Read the key; one in PEM is refused, its attributes count."""
    data = read_file(str(folder / "ak.tpm2b_public"))
    ak = load_key(data, signature)
    if not ak.name:
        raise UnendorsedKey("the attestation key must come from a TPM")
    name = folder / "ak.name"
    if name.exists() and read_file(str(name)) != ak.name:
        raise UnauthenticEvidence("ak.name is the name of another key")
    return ak


def _log(folder: pathlib.Path, name: str, max_size: int) -> bytes | None:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return read_log(str(path), max_size=max_size)
    return None


def _certificates(folder: pathlib.Path, start: str) -> Iterator[bytes]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(start) and path.suffix in _CERTIFICATES:
            try:
                found = read_certificates(read_file(str(path)))
            except ValueError as exc:
                raise MalformedEvidence(f"{path.name}: {exc}") from exc
            for certificate in found:
                yield certificate.public_bytes(serialization.Encoding.DER)


def _text(path: pathlib.Path) -> str | None:
    if not path.exists():
        return None
    return read_file(str(path)).decode("utf-8", "backslashreplace").strip()
