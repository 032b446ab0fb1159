# SPDX-License-Identifier: Apache-2.0
"""The browser's resources: strict in, and refusals in words out."""

from __future__ import annotations

import json

import pytest
from openstack_dashboard.api.rest import urls

from nova_trusted_launch.client import errors
from nova_trusted_launch.horizon import rest
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

NONCE = b"n" * 32


def body(answer):
    return json.loads(answer.content)


def test_every_resource_is_registered():
    known = {str(p.pattern) for p in urls.urlpatterns}
    assert {view.url_regex for view in (
        rest.Options, rest.Launches, rest.Instance, rest.Marks,
        rest.Inclusion, rest.Consistency)} <= known


@pytest.fixture
def launch(service, request_of):
    service.profile_create("gold", {}, activate=True)

    def post(**spec):
        return rest.Launches().post(request_of(data=json.dumps(spec)))
    return post


def test_launch_is_created(service, launch):
    answer = launch(profile="gold", nonce=encoding.b64(NONCE))
    assert answer.status_code == 200
    assert body(answer)["id"] in service.state.launches


@pytest.mark.parametrize("spec", [
    {"nonce": "AAAA"}, {"profile": 1}, {"profile": "gold", "nonce": "!"},
    {"profile": "gold", "nonce": 7}])
def test_launch_that_is_malformed_is_a_bad_request(launch, spec):
    assert launch(**spec).status_code == 400


@pytest.mark.parametrize("sent", ["[]", "null", "3", '"gold"', "{"])
def test_body_that_is_no_object_is_a_bad_request(
        service, request_of, sent):
    for view in (rest.Launches(), rest.Marks()):
        assert view.post(request_of(data=sent)).status_code == 400


def test_refusal_reaches_the_browser_with_what_to_do(service, launch):
    service.state.failure = errors.Refused(
        Code.PROFILE_UNKNOWN, "no such profile")
    answer = launch(profile="gone")
    assert answer.status_code == 409
    assert "no such profile (profile.unknown)" in body(answer)
    assert Code.PROFILE_UNKNOWN.action in body(answer)


def test_service_that_is_away_is_503(service, launch):
    service.state.failure = errors.Unavailable("it sleeps")
    assert launch(profile="gold").status_code == 503


def test_proofs_are_handed_on(service, request_of):
    for number in range(3):
        service.add_release(f"i{number}", "host-a", "gold")
    found = body(rest.Inclusion().get(request_of(), "3", "1"))
    assert found["index"] == 1 and len(found["path"]) == 2
    found = body(rest.Consistency().get(request_of(), "1", "3"))
    assert found["first"] == 1 and found["path"]


def test_proof_of_no_entry_is_refused(service, request_of):
    assert rest.Inclusion().get(request_of(), "1", "9").status_code == 409
    assert rest.Consistency().get(
        request_of(), "4", "9").status_code == 409


def test_options_and_instance_never_fail(absent, request_of, monkeypatch):
    monkeypatch.setattr(rest.api, "_flavor_profiles", lambda request: {})
    assert rest.Options().get(request_of()).status_code == 200
    assert rest.Instance().get(request_of(), "i").status_code == 200
    assert rest.Marks().post(
        request_of(data='{"ids": ["i"]}')).status_code == 200


@pytest.mark.parametrize("ids", ["i", [1], None, {"i": 1}])
def test_marks_want_a_list_of_ids(service, request_of, ids):
    answer = rest.Marks().post(request_of(data=json.dumps({"ids": ids})))
    assert answer.status_code == 400


def test_nobody_is_told_anything_without_login(service, request_of):
    request = request_of()
    request.user.is_authenticated = False
    assert rest.Options().get(request).status_code == 401
    assert rest.Instance().get(request, "i").status_code == 401
    assert service.state.calls == []
