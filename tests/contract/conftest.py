# SPDX-License-Identifier: Apache-2.0
"""The stores that every contract runs over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attestation_service import ports
from attestation_service.store import database
from attestation_service.store.store import SqlStore
from tests.contract import backends
from tests.fakes.stores import MemoryStore
from tests.fixtures import databases


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


@pytest.fixture(params=backends.ALL)
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with empty tables."""
    return backends.emptied(request)


@pytest.fixture(params=backends.SERVERS)
def server_url(request: pytest.FixtureRequest) -> str:
    """The same of a database that has a server."""
    return backends.emptied(request)


@pytest.fixture
def sql(url: str) -> Iterator[database.Database]:
    with backends.connected(url) as connected:
        yield connected


@pytest.fixture
def sql_store(sql: database.Database) -> SqlStore:
    return SqlStore(sql)


@pytest.fixture(params=["memory", *backends.ALL])
def store(request: pytest.FixtureRequest) -> Iterator[ports.Store]:
    """Every implementation of the stores."""
    if request.param == "memory":
        yield MemoryStore()
        return
    with backends.connected(backends.emptied(request)) as connected:
        yield SqlStore(connected)
