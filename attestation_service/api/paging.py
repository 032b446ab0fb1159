# SPDX-License-Identifier: Apache-2.0
"""Pages of lists: one item more is read than shown, to know what is next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from attestation_service.core import errors
from attestation_service.records import Page

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Paging:
    """How long pages are."""

    size: int = 100
    most: int = 1000

    def wanted(self, query: Mapping[str, Any]) -> Wanted:
        """Read ``limit`` and ``marker``.

        :raises Invalid: the limit is larger than the service gives.
        """
        limit = query.get("limit", min(self.size, self.most))
        if limit > self.most:
            raise errors.Invalid(f"limit: at most {self.most}")
        marker = query.get("marker")
        return Wanted(limit, None if marker is None else str(marker))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The part of a list that a request asks for."""

    limit: int
    marker: str | None
    filters: Mapping[str, Any] = field(default_factory=dict)

    def page(self, **filters: Any) -> Page:
        """Return the page to read; filters that are None do not count."""
        return Page(self.limit + 1, self.marker, {
            name: value for name, value in filters.items()
            if value is not None})

    def answer(self, plural: str, found: Sequence[T],
               view: Callable[[T], dict[str, Any]],
               marker: Callable[[T], Any]) -> dict[str, Any]:
        """Return the listing of what was found for :meth:`page`."""
        shown = found[:self.limit]
        following = (str(marker(shown[-1])) if len(found) > self.limit
                     else None)
        return {plural: [view(item) for item in shown], "next": following}
