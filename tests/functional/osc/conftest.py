# SPDX-License-Identifier: Apache-2.0
"""Shells of an administrator and of a tenant."""

from __future__ import annotations

import pytest

from nova_trusted_launch.client.api import TrustedLaunchClient
from tests.fixtures.osc import Shell


@pytest.fixture
def admin(service):
    return Shell(TrustedLaunchClient(service.adapter("admin")))


@pytest.fixture
def tenant(service):
    return Shell(TrustedLaunchClient(service.adapter("member")))
