# SPDX-License-Identifier: Apache-2.0
"""Column types that mean the same on SQLite, PostgreSQL and MariaDB.

Names compare byte for byte, times are exact to the microsecond, digests can
be indexed, and JSON is text in its one canonical form.
"""

from __future__ import annotations

import datetime
import enum
import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from nova_trusted_launch.wire import encoding

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_MOST_BYTES_A_CHARACTER = 4


class Name(sa.types.TypeDecorator[str]):
    """A short text: an id, a host, a name.

    Bytes on MySQL and MariaDB, whose collations take 'a' for 'A' or for
    'a '; the C collation on PostgreSQL, so that order is the same everywhere.
    """

    impl = sa.String
    cache_ok = True

    def __init__(self, length: int = 255) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(
                _Utf8(self.length * _MOST_BYTES_A_CHARACTER))
        if dialect.name == "postgresql":
            return dialect.type_descriptor(
                sa.String(self.length, collation="C"))
        return dialect.type_descriptor(sa.String(self.length))


class _Utf8(sa.types.TypeDecorator[str]):
    """Text as bytes; only where it must be, because it costs."""

    impl = mysql.VARBINARY
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        return None if value is None else value.encode("utf-8")

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        return None if value is None else value.decode("utf-8")


class Moment(sa.types.TypeDecorator[datetime.datetime]):
    """An aware time, kept as microseconds since 1970 in UTC."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        # A time without a zone raises TypeError here, as it should.
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        return None if value is None else _EPOCH + value * _MICROSECOND


class Json(sa.types.TypeDecorator[Any]):
    """A JSON value as canonical text; None is NULL."""

    impl = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        return encoding.canonical(value).decode("utf-8")

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        return json.loads(value)


class Member(sa.types.TypeDecorator[enum.Enum]):
    """A member of an enumeration, by its value."""

    impl = Name
    cache_ok = True

    def __init__(self, members: type[enum.Enum]) -> None:
        super().__init__(32)
        self.members = members

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        return None if value is None else self.members(value).value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        return None if value is None else self.members(value)


def digest(length: int = 64) -> sa.types.TypeEngine[bytes]:
    """Return a type for up to ``length`` bytes that can be indexed."""
    return sa.LargeBinary().with_variant(
        mysql.VARBINARY(length), "mysql", "mariadb")


def blob() -> sa.types.TypeEngine[bytes]:
    """Return a type for up to 16 MiB of bytes."""
    return sa.LargeBinary().with_variant(
        mysql.MEDIUMBLOB(), "mysql", "mariadb")


def text() -> sa.types.TypeEngine[str]:
    """Return a type for text that people wrote, and for JWTs."""
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def counted() -> sa.types.TypeEngine[int]:
    """Return a type for a primary key that the database counts up."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
