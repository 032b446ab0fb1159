# SPDX-License-Identifier: Apache-2.0
"""``attestation-verify``: judge evidence in files, without a service.

For operators who ask why.  Exit status: 0 verified; 1 refused, with the code
and a sentence on stderr; 2 a file is malformed or the usage wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from attestation_service.cmd import (
    draft_profile,
    verify_boot_log,
    verify_ek,
    verify_evidence,
    verify_ima_log,
    verify_quote,
)
from attestation_service.cmd.offline import Subcommand, UsageError
from attestation_service.core.errors import MalformedEvidence, Refusal

VERIFIED, REFUSED, MALFORMED = 0, 1, 2

# A subcommand is one module; see offline.Subcommand.
_SUBCOMMANDS: tuple[Subcommand, ...] = (
    verify_quote, verify_ek, verify_boot_log, verify_ima_log,
    verify_evidence, draft_profile)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    args = parser().parse_args(argv)
    try:
        report = args.subcommand.run(args)
    except MalformedEvidence as exc:
        return _fail(MALFORMED, exc)
    except Refusal as exc:
        return _fail(REFUSED, exc)
    except UsageError as exc:
        print(f"attestation-verify: {exc}", file=sys.stderr)
        return MALFORMED
    if args.json:
        print(json.dumps(report.fields, indent=1, sort_keys=True))
    else:
        print("\n".join(report.lines))
    if report.refusal is not None:
        return _fail(REFUSED, report.refusal)
    return VERIFIED


def _fail(status: int, refusal: Refusal) -> int:
    print(f"{refusal.code}: {refusal}", file=sys.stderr)
    return status


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    found = argparse.ArgumentParser(
        prog="attestation-verify",
        description="Judge evidence in files, without a service.",
        epilog="Exit status: 0 verified, 1 refused, 2 malformed or wrong "
               "usage.")
    subparsers = found.add_subparsers(required=True, metavar="WHAT")
    for subcommand in _SUBCOMMANDS:
        added = subparsers.add_parser(subcommand.NAME, help=subcommand.HELP,
                                      description=subcommand.HELP)
        subcommand.add_arguments(added)
        added.add_argument("--json", action="store_true",
                           help="print what was verified as JSON")
        added.set_defaults(subcommand=subcommand)
    return found


if __name__ == "__main__":
    sys.exit(main())
