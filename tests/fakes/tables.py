# SPDX-License-Identifier: Apache-2.0
"""What every store in memory is made of."""

from __future__ import annotations

import copy
import datetime
from typing import Any

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code

NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def page_of(items: Any, page: r.Page, identity: Any, **matches: Any) -> list:
    """Return the part of ``items`` after the marker that matches."""
    items = list(items)
    unknown = set(page.filters) - set(matches)
    assert not unknown, f"no such filters: {unknown}"
    if page.marker is not None:
        names = [identity(item) for item in items]
        if page.marker not in names:
            raise errors.Invalid(f"marker: {page.marker!r} names nothing")
        items = items[names.index(page.marker) + 1:]
    return [item for item in items
            if all(matches[name](item) == value
                   for name, value in page.filters.items())][:page.limit]


def number_of(page: r.Page, default: int) -> int:
    """Return the marker of a list that is ordered by numbers."""
    if page.marker is None:
        return default
    if not page.marker.isascii() or not page.marker.isdigit():
        raise errors.Invalid("marker: not a number")
    return int(page.marker)


class Table:
    """Containers of one store; ``unit`` copies and restores them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        raise NotImplementedError

    def snapshot(self) -> dict[str, Any]:
        return {name: copy.copy(value)
                for name, value in self.__dict__.items()
                if not name.startswith("_")}

    def restore(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def load(rows: dict, key: Any, code: Code, what: str) -> Any:
    try:
        return rows[key]
    except KeyError as exc:
        raise errors.Unknown(f"there is no {what} {key!r}", code) from exc
