# SPDX-License-Identifier: Apache-2.0
"""Databases with the tables and nothing in them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from attestation_service.store import database, migrate, schema

SERVERS = [pytest.param("postgresql", marks=pytest.mark.database),
           pytest.param("mariadb", marks=pytest.mark.database)]
ALL = ["sqlite", *SERVERS]

_synced: set[str] = set()


@contextlib.contextmanager
def connected(url: str) -> Iterator[database.Database]:
    """Connect with enough connections for a race."""
    made = database.connect(url, pool_size=8, max_overflow=56)
    yield made
    made.dispose()


def emptied(request: pytest.FixtureRequest) -> str:
    """Return the URL of the database that the fixture's parameter names."""
    url = request.getfixturevalue(request.param)
    with connected(url) as sql:
        if url not in _synced:
            migrate.sync(sql)
            _synced.add(url)
        with sql.transaction() as connection:
            for table in schema.metadata.sorted_tables:
                if table is not schema.counters:
                    connection.execute(table.delete())
            connection.execute(schema.counters.update().values(value=0))
    return url
