# SPDX-License-Identifier: Apache-2.0
"""The service that attackers meet: the real one, in process."""

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
