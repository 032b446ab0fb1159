# SPDX-License-Identifier: Apache-2.0
"""Options of the database: those of oslo.db that are used here."""

from __future__ import annotations

import copy


from oslo_config import cfg
from oslo_db import options

GROUP = cfg.OptGroup(
    "database", title="Database",
    help="Where the service keeps everything but the keys it signs with.")

DEFAULT = "sqlite:////var/lib/attestation-service/attestation-service.db"

_USED = {"connection", "connection_recycle_time", "max_pool_size",
         "max_overflow", "pool_timeout", "mysql_sql_mode",
         "mysql_wsrep_sync_wait"}

OPTS: list[cfg.Opt] = [
    copy.copy(option) for option in options.database_opts
    if option.name in _USED]
cfg.set_defaults(OPTS, connection=DEFAULT)

_EVENTS = cfg.IntOpt(
    "most_events", default=10_000, min=1,
    help="How many notifications are kept while the message bus is down. "
         "Beyond, the oldest are dropped and the log says how many.")
OPTS.append(_EVENTS)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group for the sample generator."""
    return [(GROUP, OPTS)]
