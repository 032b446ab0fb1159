# SPDX-License-Identifier: Apache-2.0
"""Limits on what callers may send and keep open."""

from __future__ import annotations

import copy

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "limits", title="Limits",
    help="What is larger or more than this is refused with a stable code, "
         "before it is read where possible.")

OPTS: list[cfg.Opt] = [
    cfg.IntOpt(
        "body", default=64 * 1024, min=1024,
        help="Bytes of an ordinary request body (request.too_large)."),
    cfg.IntOpt(
        "document", default=1024 * 1024, min=1024,
        help="Bytes of a request that carries a profile document."),
    cfg.IntOpt(
        "reference_values", default=64 * 1024 * 1024, min=1024,
        help="Bytes of a request that carries reference values."),
    cfg.IntOpt(
        "evidence", default=32 * 1024 * 1024, min=64 * 1024,
        help="Bytes of a request that carries evidence. Too small and hosts "
             "with a long IMA list can not attest until they are rebooted."),
    cfg.IntOpt(
        "boot_log", default=16 * 1024 * 1024, min=1024,
        help="Bytes of a boot event log (evidence.too_large)."),
    cfg.IntOpt(
        "boot_events", default=65_536, min=1,
        help="Events of a boot event log (evidence.too_large)."),
    cfg.IntOpt(
        "ima_log", default=24 * 1024 * 1024, min=1024,
        help="Bytes of an IMA list in one piece of evidence "
             "(evidence.too_large)."),
    cfg.IntOpt(
        "ima_entries", default=1_000_000, min=1,
        help="Entries of an IMA list in one piece of evidence "
             "(evidence.too_large)."),
    cfg.IntOpt(
        "open_challenges", default=4, min=1,
        help="Unanswered challenges of one attester and purpose "
             "(request.limit). Too few and an agent that lost answers has to "
             "wait for old challenges to expire."),
    cfg.IntOpt(
        "open_releases", default=64, min=1,
        help="Unanswered releases of one attester (request.limit). Fewer "
             "than the instances that a host starts at once and some of "
             "those starts fail."),
    cfg.IntOpt(
        "open_enrolments", default=4, min=1,
        help="Enrolments of one TPM under way (request.limit). Too few and "
             "an agent that lost answers has to wait for old enrolments to "
             "expire."),
    cfg.IntOpt(
        "kept_evidence", default=3, min=0, max=100,
        help="Pieces of evidence kept per attester, to explain and to "
             "preview profiles. With 0 neither works."),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group and its options."""
    return [(GROUP, OPTS)]
