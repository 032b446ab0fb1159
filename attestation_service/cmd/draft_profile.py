# SPDX-License-Identifier: Apache-2.0
"""``attestation-verify draft``: a profile that a host's evidence satisfies."""

from __future__ import annotations

import argparse

import yaml

from attestation_service.cmd.offline import Report
from attestation_service.cmd.verify_evidence import (
    add_folder_arguments,
    prove,
)
from attestation_service.core.policy.draft import draft

NAME = "draft"
HELP = ("write a profile that demands of hosts what a folder of evidence "
        "shows")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``draft``."""
    add_folder_arguments(parser)
    parser.add_argument("--no-files", action="store_true",
                        help="ask nothing of the files that IMA measured")


def run(args: argparse.Namespace) -> Report:
    """Write the document; see :class:`offline.Subcommand`."""
    found = draft(prove(args).facts, files=not args.no_files)
    return Report(found, [
        yaml.safe_dump(found, sort_keys=False).rstrip()])
