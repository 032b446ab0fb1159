# SPDX-License-Identifier: Apache-2.0
"""The stores that every contract runs over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from attestation_service import ports
from attestation_service.store import database, migrate, schema
from attestation_service.store.store import SqlStore
from tests.fakes.stores import MemoryStore
from tests.fixtures import databases

SERVERS = [pytest.param("postgresql", marks=pytest.mark.database),
           pytest.param("mariadb", marks=pytest.mark.database)]

_synced: set[str] = set()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    with databases.postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    with databases.mariadb() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'service.db'}"


@pytest.fixture(params=["sqlite", *SERVERS])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with empty tables."""
    return _emptied(request.getfixturevalue(request.param))


@pytest.fixture(params=SERVERS)
def server_url(request: pytest.FixtureRequest) -> str:
    """The same of a database that has a server."""
    return _emptied(request.getfixturevalue(request.param))


@pytest.fixture
def sql(url: str) -> Iterator[database.Database]:
    with _connected(url) as connected:
        yield connected


@pytest.fixture
def sql_store(sql: database.Database) -> SqlStore:
    return SqlStore(sql)


@pytest.fixture(params=["memory", "sqlite", *SERVERS])
def store(request: pytest.FixtureRequest) -> Iterator[ports.Store]:
    """Every implementation of the stores."""
    if request.param == "memory":
        yield MemoryStore()
        return
    with _connected(_emptied(request.getfixturevalue(request.param))) as sql:
        yield SqlStore(sql)


@contextlib.contextmanager
def _connected(url: str) -> Iterator[database.Database]:
    connected = database.connect(url, pool_size=8, max_overflow=56)
    yield connected
    connected.dispose()


def _emptied(url: str) -> str:
    with _connected(url) as connected:
        if url not in _synced:
            migrate.sync(connected)
            _synced.add(url)
        with connected.transaction() as connection:
            for table in schema.metadata.sorted_tables:
                if table is not schema.counters:
                    connection.execute(table.delete())
            connection.execute(schema.counters.update().values(value=0))
    return url
