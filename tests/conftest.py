# SPDX-License-Identifier: Apache-2.0
"""What every test shares: readable, stable names of parameters."""

from __future__ import annotations


def pytest_make_parametrize_id(config, val, argname):
    """Name bytes by their length: workers must agree on names."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None
