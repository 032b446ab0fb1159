# SPDX-License-Identifier: Apache-2.0
"""Options of the vault: where image and disk keys are kept."""

from __future__ import annotations

import copy

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "vault", title="Vault",
    help="Where the tenants' keys and nonces are kept.")

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "backend", default="builtin", choices=["builtin", "castellan"],
        help="builtin: encrypted (AES-256-GCM) in the service's database "
             "under the key in master_key_file. castellan: in the key "
             "manager that [key_manager] names (Barbican, Vault). Secrets "
             "do not move when this is changed: keys registered before can "
             "not be released any more."),
    cfg.StrOpt(
        "master_key_file",
        default="/var/lib/attestation-service/vault/master.key",
        help="File of the built-in vault's master key, made at first start "
             "with mode 0600; the service refuses to start when others can "
             "read it. Every replica needs the same file. Keep a copy apart "
             "from that of the database: without it no key opens."),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group for the sample generator."""
    return [(GROUP, OPTS)]
