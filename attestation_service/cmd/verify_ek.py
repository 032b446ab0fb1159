# SPDX-License-Identifier: Apache-2.0
"""``attestation-verify ek``: does a maker we trust vouch for this TPM?"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from attestation_service.cmd.offline import Report, UsageError, read_file
from attestation_service.core import endorsement
from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.trust_anchors import read_certificates
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError

NAME = "ek"
HELP = "verify an endorsement key's certificate up to a trust anchor"

SOFTWARE = "software"
_SUFFIXES = {".pem", ".crt", ".cer", ".der"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ek``."""
    parser.add_argument("certificate", metavar="CERT.der",
                        help="the EK certificate")
    parser.add_argument(
        "--trust", required=True, metavar="DIR",
        help="folder of trusted CA certificates (.pem .crt .cer .der); those "
             f"in its subfolder '{SOFTWARE}' vouch for software TPMs")
    parser.add_argument(
        "--intermediate", action="append", default=[], metavar="FILE",
        help="certificates between it and a trusted CA; may be repeated")
    parser.add_argument(
        "--at", metavar="TIME", help="judge as of this time (RFC 3339) "
        "instead of now")


def run(args: argparse.Namespace) -> Report:
    """Verify the certificate; see :class:`offline.Subcommand`."""
    anchors = read_anchors(args.trust)
    verified = endorsement.verify_certificate(
        read_file(args.certificate), _intermediates(args.intermediate),
        anchors=anchors, now=parse_time(args.at))
    fields = dataclasses.asdict(verified) | {
        "verified": True, "ek_digest": verified.ek_digest.hex(),
        "not_after": encoding.timestamp(verified.not_after)}
    kind = "a hardware TPM" if verified.hardware else "a software TPM"
    return Report(fields, [
        f"{verified.anchor} vouches for this key of {kind}.",
        f"Subject: {verified.subject or '(none)'}",
        f"TPM: {verified.manufacturer or '?'} {verified.model or '?'} "
        f"{verified.version or '?'}",
        f"Key: sha256 {verified.ek_digest.hex()}",
        f"Valid until {verified.not_after:%Y-%m-%d}"])


def read_anchors(folder: str) -> endorsement.TrustAnchors:
    """Read a folder of CA certificates.

    :raises UsageError: there is none, or one of them is no CA certificate.
    """
    top = pathlib.Path(folder)
    if not top.is_dir():
        raise UsageError(f"{folder}: not a folder")
    hardware, software = _certificates(top), _certificates(top / SOFTWARE)
    if not hardware and not software:
        raise UsageError(f"{folder}: holds no certificate to trust")
    try:
        return endorsement.TrustAnchors.of(hardware=hardware,
                                           software=software)
    except ValueError as exc:
        raise UsageError(f"{folder}: {exc}") from exc


def _certificates(folder: pathlib.Path) -> list[bytes]:
    if not folder.is_dir():
        return []
    return [read_file(str(path)) for path in sorted(folder.iterdir())
            if path.suffix in _SUFFIXES and path.is_file()]


def _intermediates(paths: list[str]) -> list[bytes]:
    found: list[x509.Certificate] = []
    for path in paths:
        try:
            found += read_certificates(read_file(path))
        except ValueError as exc:
            raise MalformedEvidence(f"{path}: {exc}") from exc
    return [c.public_bytes(serialization.Encoding.DER) for c in found]


def parse_time(text: str | None) -> datetime.datetime:
    """Read the time to judge as of; None is now.

    :raises UsageError: it is not RFC 3339.
    """
    if text is None:
        return datetime.datetime.now(datetime.UTC)
    try:
        return encoding.untimestamp(text, "--at")
    except WireError as exc:
        raise UsageError(str(exc)) from exc
