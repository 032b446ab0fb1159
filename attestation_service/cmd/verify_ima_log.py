# SPDX-License-Identifier: Apache-2.0
"""``attestation-verify ima-log``: to which register 10 a list leads."""

from __future__ import annotations

import argparse

from attestation_service.cmd.offline import Report, parse_hex, read_log
from attestation_service.core.errors import UnauthenticEvidence
from attestation_service.core.ima.replay import MAX_SIZE
from attestation_service.core.ima.walk import walk

NAME = "ima-log"
HELP = "replay an IMA measurement list, and find a value of PCR 10 in it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ima-log``."""
    parser.add_argument(
        "file", metavar="FILE",
        help="the list, ASCII or binary, as in /sys/kernel/security/ima; may "
             "be compressed with gzip")
    parser.add_argument(
        "--pcr10", metavar="HEX",
        help="a value of register 10 that the list must reach; its length "
             "tells the bank (else SHA-256)")


def run(args: argparse.Namespace) -> Report:
    """Replay the list; see :class:`offline.Subcommand`."""
    wanted = None if args.pcr10 is None else parse_hex(args.pcr10, "--pcr10")
    found = walk(read_log(args.file, max_size=MAX_SIZE), wanted)
    if wanted is not None and found.reached is None:
        raise UnauthenticEvidence(
            f"register 10 has this value after none of {found.entries} "
            f"entries; at the end it is {found.value.hex()}")
    fields = {"entries": found.entries, "violations": found.violations,
              "bank": found.bank, "pcr10": found.value.hex(),
              "reached": found.reached, "quirk": found.quirk or None}
    lines = [f"{found.entries} entries, {found.violations} violations",
             f"{found.bank} register 10: {found.value.hex()}"]
    if found.reached is not None:
        lines.append(f"The given value is reached after entry "
                     f"{found.reached}.")
    if found.quirk:
        lines.append("It is reached only the way of kernels before 5.8, with "
                     "SHA-1 in every bank; a quote is not believed so.")
    return Report(fields, lines)
