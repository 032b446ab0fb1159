# SPDX-License-Identifier: Apache-2.0
"""Connections and transactions, the same on three databases.

Every transaction sees what others committed (READ COMMITTED) and is kept as a
whole.  SQLite writes through to disk, waits for other writers instead of
failing, and takes the write lock at the start: a transaction that is upgraded
later loses to "database is locked".
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import exc_filters

from attestation_service.core import errors

_SQLITE_WAIT = 30
_RESTED = "rested"
# Seconds; a connection used since is taken to be alive.
_DOZE = 2.0
# Without a strict mode MySQL cuts what is too long, and says nothing.
_MYSQL = {"sql_mode": "TRADITIONAL"}
_UNAVAILABLE = (db_exc.DBConnectionError, db_exc.DBDeadlock,
                sa.exc.OperationalError, sa.exc.TimeoutError)


class Database:
    """One database: hands out transactions, one a thread at a time."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._open = threading.local()
        self._forget_when_forked()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Commit at the end, roll back on an exception; do not nest.

        :raises Unavailable: the database does not answer, or gave way to
            another writer.
        :raises Conflict: a row with that key exists.
        """
        if getattr(self._open, "connection", None) is not None:
            raise RuntimeError("units of work do not nest")
        with _translated(), self.engine.begin() as connection:
            self._open.connection = connection
            try:
                yield connection
            finally:
                self._open.connection = None

    @contextlib.contextmanager
    def joined(self) -> Iterator[sa.Connection]:
        """Join the transaction that this thread has open, or make one.

        For the built-in vault: a secret that is put while a unit is open
        is kept with it or not at all, and never waits for its lock.
        """
        connection = getattr(self._open, "connection", None)
        if connection is not None:
            yield connection
        else:
            with self.transaction() as connection:
                yield connection

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _forget_when_forked(self) -> None:
        # A forked worker must not talk over its parent's connections.
        known = weakref.ref(self.engine)

        def forget() -> None:
            engine = known()
            if engine is not None:
                engine.dispose(close=False)

        os.register_at_fork(after_in_child=forget)


def from_conf(conf: cfg.ConfigOpts) -> Database:
    """Return the database that ``[database]`` names."""
    options = conf.database
    return connect(
        options.connection, {
            "sql_mode": options.mysql_sql_mode,
            "wsrep_sync_wait": options.mysql_wsrep_sync_wait},
        pool_recycle=options.connection_recycle_time,
        pool_size=options.max_pool_size, max_overflow=options.max_overflow,
        pool_timeout=options.pool_timeout)


def connect(url: str, mysql: Mapping[str, Any] = _MYSQL,
            **pool: Any) -> Database:
    """Return a database; nothing is connected before the first use.

    ``mysql`` are variables of the session on MySQL and MariaDB, ``pool``
    SQLAlchemy's pool options; None leaves its default.
    """
    target = sa.make_url(url)
    more = {name: value for name, value in pool.items() if value is not None}
    if target.get_backend_name() == "sqlite":
        engine = _sqlite(target, more)
    elif target.get_backend_name() in {"mysql", "mariadb"}:
        engine = _mysql(target, mysql, more)
    else:
        engine = _served(target, more)
    # Not register_engine(): its listeners on commit and rollback are for the
    # causes of savepoints' errors, and make every statement dearer.
    sa.event.listen(engine, "handle_error", exc_filters.handler, retval=True)
    return Database(engine)


def _served(target: sa.URL, more: dict[str, Any]) -> sa.Engine:
    engine = sa.create_engine(target, isolation_level="READ COMMITTED",
                              **more)

    @sa.event.listens_for(engine, "checkin")
    def rested(_connection, record) -> None:
        record.info[_RESTED] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def woken(connection, record, _proxy) -> None:
        # The server may have gone meanwhile.  Asking each time would cost a
        # round trip for every unit of work.
        idle = time.monotonic() - record.info.get(_RESTED, time.monotonic())
        if idle > _DOZE and not _alive(engine, connection):
            raise sa.exc.DisconnectionError("the connection was lost")

    return engine


def _alive(engine: sa.Engine, connection: Any) -> bool:
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        return False


def _mysql(target: sa.URL, variables: Mapping[str, Any],
           more: dict[str, Any]) -> sa.Engine:
    if "charset" not in target.query:
        target = target.update_query_dict({"charset": "utf8mb4"})
    engine = _served(target, more)

    @sa.event.listens_for(engine, "connect")
    def connected(connection, _record) -> None:
        with connection.cursor() as cursor:
            for name, value in variables.items():
                if value is not None:
                    cursor.execute(f"SET SESSION {name} = %s", [value])

    return engine


def _sqlite(target: sa.URL, more: dict[str, Any]) -> sa.Engine:
    path = target.database
    if path and not path.startswith(("file:", ":")):
        # Born readable for its owner only; -wal and -shm files follow.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = sa.create_engine(
        target, poolclass=sa.pool.QueuePool,
        connect_args={"timeout": _SQLITE_WAIT, "check_same_thread": False},
        **more)

    @sa.event.listens_for(engine, "connect")
    def connected(connection, _record) -> None:
        # SQLAlchemy, not the sqlite3 module, says when to BEGIN.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _UNAVAILABLE as exc:
        raise errors.Unavailable(
            "the database does not answer or is too busy") from exc
    except db_exc.DBDuplicateEntry as exc:
        raise errors.Conflict("it exists already") from exc
