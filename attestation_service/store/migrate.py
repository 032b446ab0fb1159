# SPDX-License-Identifier: Apache-2.0
"""Bring the tables up to date, and say how far they are.

There is no way back: a downgrade would lose receipts.  Several replicas may
start this at once; they take turns.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from attestation_service.core import errors
from attestation_service.store.database import Database

# Any constant will do; "tlaunch" in ASCII.
_LOCK = 0x746C61756E6368
_LOCK_WAIT = 300


def sync(database: Database) -> str:
    """Upgrade to the newest revision and return it; doing so twice is fine."""
    with database.transaction() as connection, _turn(connection):
        command.upgrade(_config(connection), "head")
    return newest()


def version(database: Database) -> str | None:
    """Return the revision of the tables, None of an empty database."""
    with database.transaction() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """Return the newest revision that this release knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the package holds no revision")
    return revision


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    folder = pathlib.Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextlib.contextmanager
def _turn(connection: sa.Connection) -> Iterator[None]:
    """Wait for another replica's upgrade; SQLite's write lock does alone."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        yield
    elif dialect in {"mysql", "mariadb"}:
        # MariaDB commits at each statement of a schema change, so the lock
        # is one of the session.
        name = f"{_LOCK:x}"
        if not connection.scalar(
                sa.select(sa.func.get_lock(name, _LOCK_WAIT))):
            raise errors.Unavailable("another upgrade does not end")
        try:
            yield
            # The revision, before the next one looks for it.
            connection.exec_driver_sql("COMMIT")
        finally:
            connection.execute(sa.select(sa.func.release_lock(name)))
    else:
        yield
