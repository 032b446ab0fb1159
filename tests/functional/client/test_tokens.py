# SPDX-License-Identifier: Apache-2.0
"""The dashboard's client asks as the user, and follows nobody elsewhere."""

from __future__ import annotations

import json

import pytest

from nova_trusted_launch.client import errors
from nova_trusted_launch.client import tokens
from tests.fixtures import web


@pytest.fixture
def service():
    """A service that notes what it is asked."""
    asked = []

    def app(environ, start_response):
        asked.append((environ["PATH_INFO"],
                      environ.get("HTTP_X_AUTH_TOKEN")))
        if environ["PATH_INFO"] == "/v1/profiles/moved":
            start_response("302 Found", [("Location", "/v1/profiles/x")])
            return [b""]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"profiles": []}).encode()]

    with web.served(app, web.free_port()) as url:
        yield url, asked


def test_user_is_who_asks(service):
    url, asked = service
    assert tokens.from_token(url, "alices").profiles_list() == []
    assert asked == [("/v1/profiles", "alices")]


def test_token_goes_nowhere_else(service):
    url, asked = service
    with pytest.raises(errors.Unavailable):
        tokens.from_token(url, "alices").profile_show("moved")
    assert [path for path, _ in asked] == ["/v1/profiles/moved"]


def test_nobody_there_is_unavailable():
    client = tokens.from_token(
        f"http://127.0.0.1:{web.free_port()}", "alices", timeout=5)
    with pytest.raises(errors.Unavailable):
        client.profiles_list()
