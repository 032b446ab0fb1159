# SPDX-License-Identifier: Apache-2.0
"""Options of the keys that sign results, receipts and TPM policies."""

from __future__ import annotations

import copy

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "signing", title="Signing",
    help="The service's signing keys.")

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "key_directory", default="/var/lib/attestation-service/signing",
        help="Folder of the signing keys (ES256), made at first start; the "
             "service refuses to start when others can read them. Every "
             "replica needs the same files, or results signed by one do not "
             "verify with the keys that another publishes."),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group for the sample generator."""
    return [(GROUP, OPTS)]
