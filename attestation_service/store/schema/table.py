# SPDX-License-Identifier: Apache-2.0
"""How every table is made."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()

_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4",
                          "mysql_collate": "utf8mb4_bin"}


def table(name: str, *parts: sa.Column | sa.Index) -> sa.Table:
    """Return a table of this service."""
    return sa.Table(name, metadata, *parts, **_MYSQL)


def column(name: str, kind: sa.types.TypeEngine | type, *,
           null: bool = False, key: bool = False, **more) -> sa.Column:
    """Return a column that must have a value unless ``null``."""
    return sa.Column(name, kind, nullable=null, primary_key=key,
                     autoincrement=more.pop("autoincrement", False), **more)
