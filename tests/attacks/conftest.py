# SPDX-License-Identifier: Apache-2.0
"""The service that attackers meet: the real one, in process."""

from __future__ import annotations

import pytest

from tests.fakes.cloud import Cloud
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


@pytest.fixture
def placed(service, host):
    """A host that has attested, and a request that would be granted."""
    host.attest()
    request = host.request(profile="baseline", image_id="image-1")
    service.nova.place(request.instance_id, host.name)
    return request


@pytest.fixture
def cloud():
    """The service whole but for its edges, and an instance on a host."""
    made = Cloud()
    made.profile()
    made.nova.place("vm-1", "host-1")
    return made
