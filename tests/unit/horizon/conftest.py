# SPDX-License-Identifier: Apache-2.0
"""Django with the plugin, and requests of a person who is logged in.

Horizon's catalogue is replaced; behind it is the project's own in-memory
client, which tells the truth.
"""

from __future__ import annotations

import os
import types

import django
import pytest

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.unit.horizon.settings"
django.setup()

from django import test  # noqa: E402
from horizon import exceptions  # noqa: E402

from nova_trusted_launch.client import fake  # noqa: E402
from nova_trusted_launch.horizon import api  # noqa: E402

URL = "https://attestation.example/"


@pytest.fixture(autouse=True)
def nothing_cached():
    """Forget what an earlier test was told."""
    api.cache.clear()


@pytest.fixture
def service(monkeypatch):
    """The service, in the catalogue."""
    made = fake.FakeTrustedLaunchClient()
    made.asked = []

    def from_token(url, token, **more):
        made.asked.append((url, token, more))
        return made

    monkeypatch.setattr(api.base, "url_for", lambda request, kind: URL)
    monkeypatch.setattr(api.tokens, "from_token", from_token)
    return made


@pytest.fixture
def absent(monkeypatch):
    """A catalogue without the service."""
    def url_for(request, kind):
        raise exceptions.ServiceCatalogException(kind)
    monkeypatch.setattr(api.base, "url_for", url_for)


@pytest.fixture
def request_of():
    """Make requests as Horizon's middleware hands them on."""
    def make(path="/", data=None, **more):
        factory = test.RequestFactory()
        headers = {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}
        made = (factory.get(path, **headers, **more) if data is None else
                factory.post(path, data, content_type="application/json",
                             **headers, **more))
        made.user = types.SimpleNamespace(
            is_authenticated=True, project_id="project",
            services_region="RegionOne",
            token=types.SimpleNamespace(id="token"))
        return made
    return make


@pytest.fixture
def settings(monkeypatch):
    """Settings that a test may change."""
    class Changing:
        def __setattr__(self, name, value):
            monkeypatch.setattr(api.settings, name, value, raising=False)
    return Changing()
