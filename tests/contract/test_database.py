# SPDX-License-Identifier: Apache-2.0
"""Transactions, tables and their history, on every database."""

from __future__ import annotations

import os
import stat
import threading
import time
from concurrent import futures

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from oslo_db import exception as db_exc

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import database, migrate, schema
from attestation_service.store.store import SqlStore
from tests.contract import backends, samples


def test_migrations_make_the_tables_of_the_schema(sql):
    with sql.transaction() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True,
                              "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_sync_of_a_synced_database_changes_nothing(sql):
    assert migrate.sync(sql) == migrate.version(sql) == migrate.newest()


def test_replicas_may_sync_at_once(url):
    databases = [database.connect(url) for _ in range(4)]
    with databases[0].transaction() as connection:
        schema.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    assert migrate.version(databases[0]) is None
    with futures.ThreadPoolExecutor() as pool:
        assert set(pool.map(migrate.sync, databases)) == {migrate.newest()}
    with SqlStore(databases[0]).unit() as unit:
        assert unit.log.size() == 0
    for connected in databases:
        connected.dispose()


def test_replica_that_comes_before_the_upgrade_is_committed(url):
    first, second = (database.connect(url) for _ in range(2))
    with first.transaction() as connection:
        schema.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    with futures.ThreadPoolExecutor() as pool:
        with first.transaction() as connection:
            with migrate._turn(connection):
                command.upgrade(migrate._config(connection), "head")
            other = pool.submit(migrate.sync, second)
            time.sleep(1)
        assert other.result() == migrate.newest()
    first.dispose()
    second.dispose()


def test_units_do_not_nest(sql_store):
    with sql_store.unit(), pytest.raises(RuntimeError), sql_store.unit():
        pass
    with sql_store.unit() as unit:
        unit.outbox.put(samples.event())


def test_a_unit_sees_what_others_committed_meanwhile(server_url):
    sql = database.connect(server_url)
    store = SqlStore(sql)

    def issue() -> None:
        with store.unit() as unit:
            unit.outbox.put(samples.event())

    def waiting() -> int:
        with sql.joined() as connection:
            return connection.scalar(
                sa.select(sa.func.count()).select_from(schema.outbox))

    with store.unit():
        before = waiting()
        other = threading.Thread(target=issue)
        other.start()
        other.join()
        assert (before, waiting()) == (0, 1)
    sql.dispose()


def test_a_joined_transaction_ends_with_its_unit(sql):
    store = SqlStore(sql)
    with pytest.raises(ZeroDivisionError), store.unit():
        with sql.joined() as connection:
            connection.execute(schema.outbox.insert(), {
                "event_type": "x", "payload": {},
                "created_at": samples.NOW})
        raise ZeroDivisionError
    with store.unit() as unit:
        assert list(unit.outbox.claim(
            most=1, now=samples.NOW, until=samples.NOW)) == []


def test_a_forked_process_makes_its_own_connections(sql_store):
    with sql_store.unit() as unit:
        unit.outbox.put(samples.event())
    child = os.fork()
    if not child:
        status = 1
        try:
            with sql_store.unit() as unit:
                unit.outbox.put(samples.event())
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    with sql_store.unit() as unit:
        assert len(unit.outbox.claim(most=9, now=samples.NOW,
                                     until=samples.NOW)) == 2


@pytest.mark.parametrize("where", [
    "postgresql+psycopg2://nobody@/nothing?host=/nonexistent",
    "postgresql+psycopg2://nobody@127.0.0.1:9/nothing",
    "mysql+pymysql://nobody@127.0.0.1:9/nothing"])
def test_a_database_that_is_down_is_unavailable(where):
    store = SqlStore(database.connect(where))
    with pytest.raises(errors.Unavailable), store.unit():
        pass


def test_a_lost_connection_is_unavailable_and_then_made_anew(server_url):
    postgresql = server_url.startswith("postgresql")
    mine, end = (
        ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})")
        if postgresql else ("SELECT connection_id()", "KILL {}"))
    sql, other = (database.connect(server_url) for _ in range(2))
    store = SqlStore(sql)
    with pytest.raises(errors.Unavailable), store.unit() as unit:
        unit.outbox.put(samples.event())
        with sql.joined() as connection:
            number = connection.exec_driver_sql(mine).scalar()
        with other.transaction() as connection:
            connection.exec_driver_sql(end.format(number))
        unit.outbox.put(samples.event())
    other.dispose()
    with store.unit() as unit:
        assert list(unit.outbox.claim(most=1, now=samples.NOW,
                                      until=samples.NOW)) == []
    sql.dispose()


def test_a_connection_lost_while_idle_is_made_anew_unnoticed(
        server_url, monkeypatch):
    monkeypatch.setattr(database, "_DOZE", -1)
    postgresql = server_url.startswith("postgresql")
    mine, end = (
        ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})")
        if postgresql else ("SELECT connection_id()", "KILL {}"))
    with backends.connected(server_url) as sql, backends.connected(
            server_url) as other:
        with sql.transaction() as connection:
            number = connection.exec_driver_sql(mine).scalar()
        with other.transaction() as connection:
            connection.exec_driver_sql(end.format(number))
        with SqlStore(sql).unit() as unit:
            unit.outbox.put(samples.event())


def test_the_sqlite_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "service.db"
    migrate.sync(database.connect(f"sqlite:///{path}"))
    files = list(tmp_path.iterdir())
    assert path in files
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}


def test_sqlite_writes_through_to_disk(tmp_path):
    connected = database.connect(f"sqlite:///{tmp_path / 'service.db'}")
    with connected.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == (
            "wal")
        # 2 is FULL.
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_nothing_is_cut_to_its_columns_length(server_url):
    with backends.connected(server_url) as sql, pytest.raises(
            db_exc.DBError), SqlStore(sql).unit() as unit:
        unit.outbox.put(samples.event("x" * 2000))


def test_the_outbox_is_bounded_and_drops_the_oldest(sql):
    store = SqlStore(sql, most_events=10)
    for _ in range(30):
        with store.unit() as unit:
            for _ in range(10):
                unit.outbox.put(samples.event())
    with store.unit() as unit:
        claimed = unit.outbox.claim(most=999, now=samples.NOW,
                                    until=samples.NOW)
    # It is counted at every 64th event.
    assert 10 <= len(claimed) <= 10 + 64
    numbers = [number for number, _ in claimed]
    assert numbers[-1] - numbers[0] == len(numbers) - 1


def test_history_outlives_a_page_of_any_size(sql_store):
    with sql_store.unit() as unit:
        for _ in range(3):
            unit.results.save(samples.result())
        assert len(unit.results.history("a1", r.Page(10 ** 9))) == 3
        with pytest.raises(errors.Invalid):
            unit.results.history("a1", r.Page(1, "9" * 30))
        with pytest.raises(errors.Invalid):
            unit.results.history("a1", r.Page(1, filters={"host": "x"}))
