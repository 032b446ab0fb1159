# SPDX-License-Identifier: Apache-2.0
"""Pages of lists, and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attestation_service.records.time import Time


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell the bus: a tier changed, a release was decided."""

    event_type: str
    payload: Mapping[str, Any]
    created_at: Time


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list to return: after ``marker``, at most ``limit``."""

    limit: int
    marker: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
