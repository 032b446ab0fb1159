# SPDX-License-Identifier: Apache-2.0
"""The layers around the application, as options make them."""

from __future__ import annotations

import io
import socket

import pytest
from oslo_config import cfg
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from attestation_service import conf as options
from attestation_service.api import pipeline
from attestation_service.api.metrics import Metrics

KEYSTONE = """
[keystone_authtoken]
auth_type = password
auth_url = http://127.0.0.1:{port}/v3
username = attestation
password = secret
project_name = service
user_domain_id = default
project_domain_id = default
http_request_max_retries = 0
"""


@Request.application
def who(request):
    """Tell whom the layers let through, and from where."""
    return Response(f"{request.headers['X-Identity-Status']} "
                    f"{request.remote_addr} {request.scheme}")


def client(tmp_path, text=""):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    path = tmp_path / "service.conf"
    path.write_text(KEYSTONE.format(port=closed) + text)
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], project="attestation-service",
         default_config_files=[str(path)])
    return Client(pipeline.build(who, conf, Metrics(), lambda: 0, None))


def test_keystone_away_refuses_who_has_a_token(tmp_path):
    answer = client(tmp_path).get("/v1/keys", headers={
        "X-Auth-Token": "some-token"})
    assert answer.status_code == 503
    (error,) = answer.json["errors"]
    assert error["code"] == "service.unavailable"
    assert error["request_id"] == answer.headers["x-openstack-request-id"]
    assert "secret" not in answer.text


def test_keystone_away_leaves_the_public_its_part(tmp_path):
    answer = client(tmp_path).get("/")
    assert answer.text.startswith("Invalid ")


@pytest.mark.parametrize(("option", "seen"), [
    ("", "Invalid 192.0.2.1 http"),
    ("[oslo_middleware]\nenable_proxy_headers_parsing = true\n",
     "Invalid 198.51.100.7 https"),
])
def test_a_proxy_is_believed_when_it_is_configured(tmp_path, option, seen):
    answer = client(tmp_path, option).get(
        "/", headers={"X-Forwarded-For": "198.51.100.7",
                      "X-Forwarded-Proto": "https"},
        environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert answer.text == seen


@pytest.mark.parametrize(("peer", "status"), [
    ("192.0.2.1", 403), ("127.0.0.1", 200)])
def test_metrics_are_for_the_configured_networks(tmp_path, peer, status):
    answer = client(tmp_path).get("/metrics",
                                  environ_base={"REMOTE_ADDR": peer})
    assert answer.status_code == status


def test_health_can_be_hidden_from_others(tmp_path):
    hidden = client(tmp_path,
                    "[healthcheck]\nallowed_source_ranges = 192.0.2.0/24\n")
    for peer, status in {"192.0.2.1": 200, "198.51.100.7": 404}.items():
        assert hidden.get("/healthcheck", environ_base={
            "REMOTE_ADDR": peer}).status_code == status


def test_health_follows_its_file(tmp_path):
    down = tmp_path / "down"
    seen = client(tmp_path, "[healthcheck]\nbackends = disable_by_file\n"
                  f"disable_by_file_path = {down}\n")
    assert seen.get("/healthcheck").status_code == 200
    down.touch()
    assert seen.get("/healthcheck").status_code == 503


@pytest.mark.parametrize("length, read", [
    ("5", 5), (str(1 << 20), 1 << 20), (str((1 << 20) + 1), 0), ("", 0),
    ("0", 0), ("-1", 0), ("many", 0), ("\u0665", 0)])
def test_small_body_is_read_before_the_refusal(length, read):
    body = io.BytesIO(bytes(1 << 21))
    seen = []

    def refuse(environ, start_response):
        seen.append(environ["wsgi.input"])
        return [b"no"]

    answer = pipeline.ReadAhead(refuse)(
        {"CONTENT_LENGTH": length, "wsgi.input": body}, None)
    assert answer == [b"no"]
    assert body.tell() == read
    assert len(seen[0].read()) == (read or 1 << 21)
