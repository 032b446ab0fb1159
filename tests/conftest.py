# SPDX-License-Identifier: Apache-2.0
"""What every test shares: readable, stable names of parameters."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine is no finding: times belong to benchmarks.
settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_make_parametrize_id(config, val, argname):
    """Name bytes by their argument alone.

    Workers collect on their own and must agree; a certificate made for the
    test has another length in each of them.
    """
    return argname if isinstance(val, bytes) else None
