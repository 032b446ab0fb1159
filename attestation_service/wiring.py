# SPDX-License-Identifier: Apache-2.0
"""Part of the composition root: the adapters that a configuration names."""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Callable

from oslo_config import cfg

from attestation_service import ports
from attestation_service import records as r
from attestation_service.background import Background
from attestation_service.cloud import absent, nova, placement, sessions
from attestation_service.flows.assembly import Flows, Ports
from attestation_service.messaging import bus
from attestation_service.messaging.agents import BusAgents, NoAgents
from attestation_service.messaging.courier import Courier
from attestation_service.messaging.deletions import Deletions, Listener
from attestation_service.messaging.notifications import Notifications
from attestation_service.signing.keyring import Keyring
from attestation_service.signing.signer import FileSigner
from attestation_service.store import database as databases
from attestation_service.store import schema
from attestation_service.store.database import Database
from attestation_service.store.store import SqlStore
from attestation_service.vault import remote
from attestation_service.vault.builtin import BuiltinVault
from attestation_service.vault.master import MasterKeys

Clock = Callable[[], r.Time]
_HOUSEKEEPING = 60.0


def database(conf: cfg.ConfigOpts) -> Database:
    """Return the database; nothing is connected yet."""
    return databases.from_conf(conf)


def builtin_vault(conf: cfg.ConfigOpts, sql: Database,
                  randomness: ports.Randomness) -> BuiltinVault:
    """Return the vault in the database; makes its master key.

    :raises NotPrivate: others can read the master key.
    """
    master = MasterKeys(pathlib.Path(conf.vault.master_key_file), randomness)
    return BuiltinVault(schema.vault_secrets, sql.joined, master, randomness)


def keyring(conf: cfg.ConfigOpts, clock: Clock) -> Keyring:
    """Return the signing keys; makes them.

    :raises NotPrivate: others can read them.
    """
    return Keyring(pathlib.Path(conf.signing.key_directory), clock)


def ports_of(conf: cfg.ConfigOpts, randomness: ports.Randomness,
             clock: Clock) -> Ports:
    """Return the whole outside world."""
    sql = database(conf)
    nova_is = (nova.from_conf(conf)
               if sessions.configured(conf, nova.GROUP) else None)
    return Ports(
        store=SqlStore(sql, most_events=conf.database.most_events),
        vault=(remote.from_conf(conf) if conf.vault.backend == "castellan"
               else builtin_vault(conf, sql, randomness)),
        signer=FileSigner(keyring(conf, clock)),
        instances=nova_is or absent.NoNova(),
        traits=(placement.from_conf(
            conf, nodes=None if nova_is is None else nova_is.nodes)
            if sessions.configured(conf, placement.GROUP)
            else absent.NoPlacement()),
        agents=BusAgents(conf) if bus.configured(conf) else NoAgents(),
        random=randomness)


def start_background(conf: cfg.ConfigOpts, outside: Ports, flows: Flows,
                     clock: Clock) -> Background:
    """Start what goes on beside requests, in threads of this process."""
    background = Background()
    background.every(_HOUSEKEEPING, lambda: flows.housekeep(clock()))
    if bus.configured(conf):
        send = Notifications(conf, f"trusted_launch.{socket.gethostname()}")
        background.run(Courier(outside.store, send, clock,
                               conf.messaging.interval).run)
        if conf.messaging.listen_to_nova:
            background.run(Listener(conf, Deletions(
                outside.instances,
                lambda name: flows.instances.close(name, clock()))).run)
    return background
