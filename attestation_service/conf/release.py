# SPDX-License-Identifier: Apache-2.0
"""Options of the release of keys."""

from __future__ import annotations

import copy

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "release", title="Release",
    help="How keys are sealed to a host, and for how long.")

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "sealed_pcrs", default="0-9,14",
        help="PCRs that a key is sealed to, as numbers and ranges; those of "
             "them that were quoted are used. Leaving out boot registers "
             "lets a key be opened after a reboot into another state, "
             "within the session's expiry."),
    cfg.IntOpt(
        "lifetime", default=60, min=5, max=600,
        help="Seconds in which a host must send evidence for a release."),
    cfg.IntOpt(
        "session_lifetime", default=60, min=5, max=600,
        help="Seconds in which the host's TPM must unseal the key, counted "
             "by the TPM from the start of its policy session."),
    cfg.IntOpt(
        "launch_lifetime", default=86400, min=60,
        help="Seconds that a launch token is good for when its maker does "
             "not say."),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group and its options."""
    return [(GROUP, OPTS)]
