# SPDX-License-Identifier: Apache-2.0
"""``attestation-verify boot-log``: what a log says, and to which registers
it leads."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from attestation_service.cmd.offline import (
    Report,
    UsageError,
    parse_hex,
    read_json,
    read_log,
)
from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.display import describe
from attestation_service.core.bootlog.replay import replay_banks
from attestation_service.core.errors import (
    MalformedEvidence,
    UnauthenticEvidence,
)

NAME = "boot-log"
HELP = "replay a TCG event log, and compare it with PCR values"

Banks = Mapping[str, Mapping[int, bytes]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``boot-log``."""
    parser.add_argument(
        "file", metavar="FILE",
        help="the log, as in /sys/kernel/security/tpm0/"
             "binary_bios_measurements")
    parser.add_argument(
        "--pcrs", metavar="FILE.json",
        help='values the registers should have: {"0": "hex", ...} of SHA-256 '
             'or {"sha1": {"0": "hex", ...}, ...}; nothing proves these')


def run(args: argparse.Namespace) -> Report:
    """Replay the log; see :class:`offline.Subcommand`."""
    log = tcg.parse(read_log(args.file, max_size=tcg.MAX_SIZE))
    banks = replay_banks(log)
    compared = _compare(banks, _read(args.pcrs)) if args.pcrs else 0
    events = list(describe(log))
    fields = {
        "events": events,
        "banks": {name: {str(i): values[i].hex() for i in sorted(values)}
                  for name, values in banks.items()}}
    return Report(fields, list(_lines(events, banks, compared)))


def _read(path: str) -> Banks:
    """Read values by bank; any bank will do, they are only compared."""
    value = read_json(path)
    if not isinstance(value, dict) or not value:
        raise MalformedEvidence(f"{path}: not an object of PCR values")
    if all(isinstance(inner, str) for inner in value.values()):
        value = {"sha256": value}
    try:
        return {_bank(name): {int(i): parse_hex(digest, f"PCR {i}")
                              for i, digest in inner.items()}
                for name, inner in value.items()}
    except (AttributeError, ValueError, UsageError) as exc:
        raise MalformedEvidence(f"{path}: not PCR values by bank") from exc


def _bank(name: str) -> str:
    return {"sm3_256": "sm3", "sm3-256": "sm3"}.get(name.lower(),
                                                    name.lower())


def _compare(banks: Banks, given: Banks) -> int:
    """Compare every register that was replayed and given.

    :raises UnauthenticEvidence: one of them differs, or there is none.
    """
    pairs = [(name, i, banks[name][i], given[name][i])
             for name in banks if name in given
             for i in sorted(banks[name]) if i in given[name]]
    wrong = [pair for pair in pairs if pair[2] != pair[3]]
    if wrong:
        raise UnauthenticEvidence("; ".join(
            f"{name} register {i} replays to {replayed.hex()}, given was "
            f"{value.hex()}" for name, i, replayed, value in wrong))
    if not pairs:
        raise UnauthenticEvidence(
            f"nothing to compare: the log has the banks "
            f"{', '.join(banks) or '(none)'}")
    return len(pairs)


def _lines(events: list[dict[str, Any]], banks: Banks,
           compared: int) -> Iterator[str]:
    yield f"{len(events)} events"
    for name, values in banks.items():
        yield f"{name}:"
        for i in sorted(values):
            yield f"  {i:2} {values[i].hex()}"
    for name, count in Counter(e["type"] for e in events).most_common():
        yield f"{count:5} {name}"
    for event in events:
        if event["tampered"]:
            yield (f"Event {event['number']} ({event['type']}): its data "
                   "does not hash to its digest")
    if compared:
        yield f"All {compared} registers that can be compared are equal."
