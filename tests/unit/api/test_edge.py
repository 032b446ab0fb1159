# SPDX-License-Identifier: Apache-2.0
"""What is refused before any handler runs, with a table of a few routes."""

from __future__ import annotations

import datetime

import pytest
from oslo_config import cfg
from oslo_policy import policy
from werkzeug.test import Client

from attestation_service import conf as options
from attestation_service import policies
from attestation_service.api import auth, pipeline
from attestation_service.api.app import create_app
from attestation_service.api.metrics import Metrics
from attestation_service.api.paging import Paging
from attestation_service.api.services import Services
from attestation_service.core import errors
from tests.unit.api.asking import ROUTES, TOKENS, ask, code

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)


@pytest.fixture
def conf():
    made = cfg.ConfigOpts()
    options.register_opts(made)
    made([], project="attestation-service", default_config_files=[])
    return made


@pytest.fixture
def ask_store():
    return lambda: 0


@pytest.fixture
def client(conf, ask_store):
    enforcer = policy.Enforcer(conf, default_rule=None)
    enforcer.register_defaults(policies.list_rules())
    metrics = Metrics()
    services = Services(
        access=auth.Access(enforcer), flows=None, paging=Paging(2, 10),
        sizes={"body": 200}, clock=lambda: NOW, metrics=metrics, openapi={})
    tokens = {auth.digest_of(name): auth.identity_of(entry)
              for name, entry in TOKENS.items()}
    return Client(pipeline.build(
        create_app(services, ROUTES), conf, metrics, ask_store, tokens))


def test_a_good_request_reaches_the_handler(client):
    answer = ask(client, "GET", "/v1/keys?limit=3&marker=a")
    assert answer.status_code == 200
    assert answer.json == {
        "query": {"limit": 3, "marker": "a"}, "path": {}, "body": None,
        "project": "p1", "user": "u-one"}
    assert answer.headers["OpenStack-API-Version"] == "host-attestation 1.0"
    assert answer.headers["Vary"] == "OpenStack-API-Version"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("token", "project"), [
    ("admin", None), ("member", "p1")])
def test_only_an_admin_sees_every_project(client, token, project):
    assert ask(client, "GET", "/v1/keys", token).json["project"] == project


@pytest.mark.parametrize("token", [None, "", "unknown", "admin "])
def test_without_a_valid_token_nothing_is_served(client, token):
    answer = ask(client, "GET", "/v1/keys", token)
    assert code(answer) == (401, "request.unauthenticated")
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(("method", "path", "token"), [
    ("GET", "/v1/keys", "agent"),
    # A reader of the system has no project, and so no keys.
    ("GET", "/v1/keys", "operator"),
    ("POST", "/v1/keys", "operator"),
])
def test_the_wrong_role_is_refused(client, method, path, token):
    answer = ask(client, method, path, token, json={"attester_id": "a"})
    assert code(answer) == (403, "request.forbidden")


@pytest.mark.parametrize("headers", [
    {"X-Identity-Status": "Confirmed", "X-User-Id": "u", "X-Roles": "admin",
     "X-Project-Id": "p"},
    {"X-Identity-Status": "Confirmed", "X-User": "u", "X-Role": "admin",
     "X-Tenant-Id": "p", "OpenStack-System-Scope": "all"},
])
def test_identity_headers_of_a_client_do_not_count(client, headers):
    answer = ask(client, "GET", "/v1/keys", None, headers=headers)
    assert code(answer) == (401, "request.unauthenticated")
    answer = ask(client, "GET", "/v1/keys", "member", headers=headers)
    assert answer.json["user"] == "u-one"
    assert answer.json["project"] == "p1"


@pytest.mark.parametrize("path", [
    "/v1/keys?limit=0", "/v1/keys?limit=-1", "/v1/keys?limit=1e1",
    "/v1/keys?limit=%2B1", "/v1/keys?limit=1_0", "/v1/keys?limit=11",
    "/v1/keys?limit=%D9%A1", "/v1/keys?limit=1&limit=1",
    "/v1/keys?limit=" + "9" * 5000, "/v1/keys?other=1", "/v1/keys?=1",
    "/v1/keys?marker=%00", "/v1/keys?marker=a%0d%0aX", "/v1/keys?marker=",
    "/v1/keys/%00", "/v1/keys/..%00", "/v1/keys/-", "/v1/keys/%ff",
    "/v1/keys/a%0d%0ab", "/v1/keys/" + "a" * 65,
])
def test_what_a_url_may_not_say(client, path):
    assert code(ask(client, "GET", path)) == (400, "request.invalid")


@pytest.mark.parametrize("path", [
    "/v1/none", "/v2", "/v1/keys/a/b", "/v1/keys/..%2f..%2fetc", "//v1/keys",
    "/v1//keys", "/v1/keys/../profiles"])
def test_other_paths_are_not_found(client, path):
    assert code(ask(client, "GET", path)) == (404, "request.not_found")


def test_a_wrong_method_says_which_are_right(client):
    answer = ask(client, "PUT", "/v1/keys")
    assert code(answer) == (405, "request.method")
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    assert code(ask(client, "OPTIONS", "/v1/keys")) == (
        405, "request.method")


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"x"', b'{"attester_id":1}',
    b'{"attester_id":"a","attester_id":"b"}', b'{"attester_id":"a","x":1}',
    b'{"attester_id":NaN}', b'{"attester_id":"\\ud800"}',
    b'{"attester_id":"\\u0000"}', b'{"attester_id":"a\\r\\nb"}',
    b'{"attester_id":"\xff"}', b"[" * 100, b'{"attester_id":"' + b"a" * 65
    + b'"}'])
def test_bodies_must_be_strict_and_of_the_schema(client, body):
    answer = ask(client, "POST", "/v1/keys", data=body,
                 content_type="application/json")
    assert code(answer) == (400, "request.invalid")


def test_a_body_must_say_that_it_is_json(client):
    answer = ask(client, "POST", "/v1/keys", data=b'{"attester_id":"a"}',
                 content_type="text/plain")
    assert code(answer) == (400, "request.invalid")


def test_a_refusal_names_the_field_but_not_its_value(client):
    answer = ask(client, "POST", "/v1/keys",
                 json={"attester_id": "se cret"})
    assert "attester_id" in answer.text
    assert "cret" not in answer.text


def test_a_large_body_is_refused_unread(client):
    class Unreadable:
        def read(self, *_):
            raise AssertionError("the body was read")

    answer = ask(client, "POST", "/v1/keys", environ_overrides={
        "wsgi.input": Unreadable(), "CONTENT_LENGTH": str((1 << 20) + 1),
        "CONTENT_TYPE": "application/json"})
    assert code(answer) == (413, "request.too_large")


def test_a_body_of_unknown_length_is_bounded_too(client):
    class Endless:
        taken = 0

        def read(self, size=-1):
            assert 0 <= size <= 1 << 20
            self.taken += size
            return b"x" * size

    stream = Endless()
    answer = ask(client, "POST", "/v1/keys", environ_overrides={
        "wsgi.input": stream, "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_TYPE": "application/json"})
    assert code(answer) == (413, "request.too_large")
    assert stream.taken <= 1 << 20


def test_a_get_takes_no_body(client):
    assert code(ask(client, "GET", "/v1/keys", data=b"{}")) == (
        413, "request.too_large")


@pytest.mark.parametrize(("wish", "answer"), [
    ("host-attestation 1.1", (406, "request.version")),
    ("host-attestation 0.9", (406, "request.version")),
    ("host-attestation 2.0", (406, "request.version")),
    ("host-attestation one", (400, "request.invalid")),
    ("host-attestation 1", (400, "request.invalid")),
])
def test_h7_other_protocol_versions_are_refused(client, wish, answer):
    response = ask(client, "GET", "/v1/keys",
                   headers={"OpenStack-API-Version": wish})
    assert code(response) == answer


@pytest.mark.parametrize("wish", [
    "host-attestation 1.0", "host-attestation latest", "compute 2.90"])
def test_the_version_spoken_is_in_the_answer(client, wish):
    response = ask(client, "GET", "/v1/keys",
                   headers={"OpenStack-API-Version": wish})
    assert response.headers["OpenStack-API-Version"] == (
        "host-attestation 1.0")


def test_our_own_failure_says_nothing_but_its_request_id(client, caplog):
    answer = ask(client, "GET", "/v1/profiles")
    assert code(answer) == (500, "service.broken")
    assert "secret" not in answer.text
    assert "the secret is 42" in caplog.text
    assert "Traceback" in caplog.text


def test_unavailable_asks_to_try_again(client):
    answer = ask(client, "GET", "/v1/launches")
    assert code(answer) == (503, "service.unavailable")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize(("peer", "headers", "status"), [
    ("127.0.0.1", {}, 200), ("127.9.9.9", {}, 200), ("::1", {}, 200),
    ("10.0.0.1", {}, 403), ("", {}, 403), ("localhost", {}, 403),
    ("::ffff:10.0.0.1", {}, 403),
    ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
    ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
])
@pytest.mark.parametrize("path", ["/v1/keys", "/healthcheck", "/metrics"])
def test_static_tokens_serve_only_this_machine(client, peer, headers,
                                               status, path):
    answer = client.get(path, headers={"X-Auth-Token": "member", **headers},
                        environ_base={"REMOTE_ADDR": peer})
    assert answer.status_code == status


def test_requests_are_counted_by_template(client):
    ask(client, "GET", "/v1/keys/abc")
    ask(client, "GET", "/v1/keys/abc", None)
    ask(client, "GET", "/v1/nothing/here")
    text = ask(client, "GET", "/metrics", None).text
    assert 'route="/v1/keys/<key>",status="200"} 1.0' in text
    assert 'route="/v1/keys/<key>",status="401"} 1.0' in text
    assert 'route="",status="404"} 1.0' in text


def test_health_is_asked_without_a_token(client):
    assert ask(client, "GET", "/healthcheck", None).status_code == 200


class TestStoreDown:
    @pytest.fixture
    def ask_store(self):
        def fail():
            raise errors.Unavailable("the database does not answer")
        return fail

    def test_health_is_bad_without_the_store(self, client):
        assert code(ask(client, "GET", "/healthcheck", None)) == (
            503, "service.unavailable")
