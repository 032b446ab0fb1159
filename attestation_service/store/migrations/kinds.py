# SPDX-License-Identifier: Apache-2.0
"""What revisions make tables of; like released revisions, never changed.

Apart from ``store.columns``, which may move on while history stays.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4",
                          "mysql_collate": "utf8mb4_bin"}


def table(name: str, *columns: sa.Column) -> sa.Table:
    """Create a table."""
    return op.create_table(name, *columns, **_MYSQL)


def column(name: str, kind: sa.types.TypeEngine, *, null: bool = False,
           key: bool = False, autoincrement: bool = False) -> sa.Column:
    """Return a column that must have a value unless ``null``."""
    return sa.Column(name, kind, nullable=null, primary_key=key,
                     autoincrement=autoincrement)


def name(length: int = 255) -> sa.types.TypeEngine:
    """Return a short text that compares byte for byte."""
    return (sa.String(length)
            .with_variant(sa.String(length, collation="C"), "postgresql")
            .with_variant(mysql.VARBINARY(4 * length), "mysql", "mariadb"))


def text() -> sa.types.TypeEngine:
    """Return a long text, JSON too."""
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def moment() -> sa.types.TypeEngine:
    """Return a time: microseconds since 1970 in UTC."""
    return sa.BigInteger()


def digest(length: int = 64) -> sa.types.TypeEngine:
    """Return bytes that can be indexed."""
    return sa.LargeBinary().with_variant(
        mysql.VARBINARY(length), "mysql", "mariadb")


def blob() -> sa.types.TypeEngine:
    """Return up to 16 MiB of bytes."""
    return sa.LargeBinary().with_variant(
        mysql.MEDIUMBLOB(), "mysql", "mariadb")


def counted() -> sa.types.TypeEngine:
    """Return a primary key that the database counts up."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
