# SPDX-License-Identifier: Apache-2.0
"""The service in memory, with a host and a profile."""

from __future__ import annotations

import pytest

from tests.fakes.cloud import Cloud


@pytest.fixture
def cloud():
    made = Cloud()
    made.profile()
    return made


@pytest.fixture
def host(cloud):
    return cloud.host()
