# SPDX-License-Identifier: Apache-2.0
"""``attestation-verify evidence``: judge a host by a profile, offline.

The same core judges as in the service.  What the service knows and no file
can prove is missing: that the nonce was open, that the attestation key lives
in the TPM of the EK certificates (enrolment proved it), and the labels.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from attestation_service.cmd.evidence_folder import (
    Folder,
    read_folder,
    verify_endorsements,
    verify_folder_quote,
)
from attestation_service.cmd.offline import (
    Report,
    UsageError,
    parse_hex,
)
from attestation_service.cmd.profile_file import read_policy
from attestation_service.cmd.verify_ek import parse_time, read_anchors
from attestation_service.core.appraise import appraise
from attestation_service.core.bootlog.facts import BootFacts
from attestation_service.core.endorsement import VerifiedCertificate
from attestation_service.core.errors import Forbidden, UnauthenticEvidence
from attestation_service.core.facts import HostFacts, extract
from attestation_service.core.tpm.quote import VerifiedQuote
from attestation_service.core.verify import VerifiedEvidence
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import (
    AttestationResult,
    Finding,
    TrustTier,
)

NAME = "evidence"
HELP = "appraise a folder of one host's evidence by a profile"

_OFFLINE = "offline"
# GRUB measures the kernel's path without this, which Linux then sees.
_KERNEL = "BOOT_IMAGE="


@dataclass(frozen=True, slots=True)
class Proven:
    """What the files of a folder prove together."""

    found: Folder
    endorsement: VerifiedCertificate
    quote: VerifiedQuote
    facts: HostFacts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``evidence``."""
    add_folder_arguments(parser)
    parser.add_argument("--profile", required=True, metavar="FILE",
                        help="the profile's document, YAML or JSON")
    parser.add_argument(
        "--reference", action="append", default=[], metavar="FILE",
        help="a set of reference values that the profile names, as the "
             "service shows it; may be repeated")


def add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is needed to prove a folder."""
    parser.add_argument(
        "folder", metavar="DIR",
        help="ak.tpm2b_public, quote.attest, quote.sig, pcrs.json, ek*.der "
             "and, if the host has them, bios_measurements, ima_bin or "
             "ima_ascii")
    parser.add_argument(
        "--trust", required=True, metavar="DIR",
        help="folder of trusted CA certificates, as for 'ek'")
    parser.add_argument("--nonce", required=True, metavar="HEX",
                        help="the qualifying data the quote must carry")
    parser.add_argument(
        "--label", action="append", default=[], metavar="NAME=VALUE",
        help="a label the operator gave the host; may be repeated")
    parser.add_argument(
        "--at", metavar="TIME", help="judge as of this time (RFC 3339) "
        "instead of now")


def run(args: argparse.Namespace) -> Report:
    """Judge the folder; see :class:`offline.Subcommand`."""
    now = parse_time(args.at)
    policy = read_policy(args.profile, args.reference, now)
    proven = prove(args)
    result = appraise(_OFFLINE, _OFFLINE, proven.facts, policy, now)
    refusal = None
    if result.tier is not TrustTier.AFFIRMING:
        refusal = Forbidden(
            f"the host is {result.tier.label} under this profile",
            Code.HOST_NOT_AFFIRMING)
    return Report(_fields(proven, result), list(_lines(proven, result)),
                  refusal)


def prove(args: argparse.Namespace) -> Proven:
    """Verify everything in a folder, and extract the facts.

    :raises Refusal: something in it is not what a TPM vouched for.
    :raises UsageError: an argument makes no sense.
    """
    nonce = parse_hex(args.nonce, "--nonce")
    labels, anchors = _labels(args.label), read_anchors(args.trust)
    found = read_folder(args.folder)
    endorsed = verify_endorsements(found, anchors=anchors,
                                   now=parse_time(args.at))
    quote = verify_folder_quote(found, nonce)
    # Each form of the list has to lead to the quoted register.
    facts, *_ = [extract(
        VerifiedEvidence(quote, found.boot_log, ima_log, 0),
        manufacturer=endorsed.manufacturer, hardware=endorsed.hardware,
        labels=labels) for ima_log in found.ima_logs or (None,)]
    if found.cmdline is not None and facts.boot is not None:
        _compare_command_lines(found.cmdline, facts.boot)
    return Proven(found, endorsed, quote, facts)


def _compare_command_lines(claimed: str, boot: BootFacts) -> None:
    """Compare what /proc/cmdline said with what was measured.

    :raises UnauthenticEvidence: none of the measured lines is this one.
    """
    lines = [line.text.split() for line in boot.chain.command_lines]
    if lines and claimed.removeprefix(_KERNEL).split() not in lines:
        raise UnauthenticEvidence(
            "the file cmdline is not the command line that was measured")


def _labels(given: Iterable[str]) -> dict[str, str]:
    labels = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--label {text}: NAME=VALUE is expected")
        labels[name] = value
    return labels


def _fields(proven: Proven, result: AttestationResult) -> dict[str, Any]:
    quote, facts = proven.quote, proven.facts
    label = quote.pcrs.alg.label
    return {
        "tier": result.tier.label,
        "findings": [finding.to_dict() for finding in result.findings],
        "ak": proven.found.ak.name.hex(),
        "ek": {"digest": proven.endorsement.ek_digest.hex(),
               "anchor": proven.endorsement.anchor,
               "manufacturer": proven.endorsement.manufacturer,
               "hardware": proven.endorsement.hardware},
        "quote": {"reset_count": quote.reset_count,
                  "restart_count": quote.restart_count,
                  "clock": quote.clock, "safe": quote.safe,
                  "firmware_version": f"{quote.firmware_version:016x}"},
        "pcrs": {label: quote.pcrs.to_dict()[label]},
        "boot_log": None if facts.boot is None else {
            "events": len(facts.boot.events.log.rows),
            "quirks": list(facts.boot.quirks),
            "secure_boot": facts.boot.secure_boot.enabled},
        "ima": None if facts.ima is None else {
            "entries": facts.ima.list.end.entries,
            "in_flight": facts.ima.list.in_flight,
            "violations": facts.ima.list.violations}}


def _lines(proven: Proven, result: AttestationResult) -> Iterator[str]:
    kind = "hardware" if proven.facts.hardware else "software"
    yield f"{proven.endorsement.anchor} vouches for this {kind} TPM."
    yield "The quote is authentic and answers this nonce."
    yield f"{result.tier.label.upper()} under {result.profile}"
    for finding in result.findings:
        yield from describe(finding)


def describe(finding: Finding) -> Iterator[str]:
    """Write a finding for people."""
    yield f"{finding.tier.label:15} {finding.rule}: {finding.detail}"
    for name, text in (("about", finding.subject),
                       ("expected", finding.expected),
                       ("actual", finding.actual),
                       ("what to do", finding.action)):
        if text and finding.tier is not TrustTier.AFFIRMING:
            yield f"{'':15}   {name}: {text}"
