# SPDX-License-Identifier: Apache-2.0
"""Options of appraisal: what hosts are asked to quote, and how often."""

from __future__ import annotations

import copy

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "appraisal", title="Appraisal",
    help="What hosts are asked to quote and how long results are kept.")

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "bank", default="sha256", choices=["sha256", "sha384", "sha512"],
        help="PCR bank that hosts quote. A host whose TPM has not got it "
             "can not attest."),
    cfg.StrOpt(
        "registers", default="0-14",
        help="PCRs that hosts quote, as numbers and ranges. Profiles judge "
             "a register that is missing here as unknown, which is a no."),
    cfg.IntOpt(
        "challenge_lifetime", default=60, min=5, max=3600,
        help="Seconds in which a host must answer a challenge. Too short "
             "and slow TPMs never answer in time."),
    cfg.IntOpt(
        "result_lifetime", default=3600, min=60,
        help="Seconds that a result is good for when its profile does not "
             "say. Shorter than the interval of the agents and hosts are "
             "not trusted between two attestations."),
    cfg.IntOpt(
        "history_days", default=30, min=1,
        help="Days that old results and evidence are kept."),
    cfg.IntOpt(
        "snapshot_lifetime", default=60, min=5, max=3600,
        help="Seconds that a signed snapshot of results is good for. This "
             "is how long a scheduler may act on results while the service "
             "is down."),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group and its options."""
    return [(GROUP, OPTS)]
