# SPDX-License-Identifier: Apache-2.0
"""All options for ``oslo-config-generator`` (entry point)."""

from __future__ import annotations

from typing import Any

from attestation_service import conf


def list_opts() -> list[tuple[Any, list[Any]]]:
    """Return the groups with their options."""
    return [pair for module in conf.MODULES for pair in module.list_opts()]
