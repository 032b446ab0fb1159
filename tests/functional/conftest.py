# SPDX-License-Identifier: Apache-2.0
"""A service for each test, and a host that has enrolled with it."""

from __future__ import annotations

import pytest

from tests.fixtures.host import Host, profile
from tests.fixtures.service import AttestationServiceFixture


@pytest.fixture
def service(tmp_path):
    with AttestationServiceFixture(tmp_path) as made:
        yield made


@pytest.fixture
def host(service):
    """A host that is approved, under a profile that it satisfies."""
    profile(service)
    return Host(service).enrol()
