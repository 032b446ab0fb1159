# SPDX-License-Identifier: Apache-2.0
"""What the HTTP edge is given by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.api.auth import Access
from attestation_service.api.metrics import Metrics
from attestation_service.api.paging import Paging
from attestation_service.flows.assembly import Flows
from attestation_service.records import Time


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a handler may use."""

    access: Access
    flows: Flows
    paging: Paging
    sizes: Mapping[str, int]
    clock: Callable[[], Time]
    metrics: Metrics
    openapi: Mapping[str, Any]
