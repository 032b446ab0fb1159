# SPDX-License-Identifier: Apache-2.0
"""What the browser is told: the truth, or why it is not known."""

from __future__ import annotations

import types

import pytest

from nova_trusted_launch.client import errors
from nova_trusted_launch.client import trust
from nova_trusted_launch.horizon import api
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.codes import Code

NONCE = b"n" * 32


@pytest.fixture
def flavors(monkeypatch):
    """Nova's flavors, with extra specs."""
    made = {"f1": {}, "f2": {"trusted_launch:profile": "gold", "hw:x": "1"}}

    class Flavor:
        def __init__(self, name):
            self.id = name

        def to_dict(self):
            return {"extra_specs": made[self.id]}

    nova = types.SimpleNamespace(flavors=types.SimpleNamespace(
        list=lambda: [Flavor(name) for name in made]))
    monkeypatch.setattr(api._nova, "novaclient", lambda r, v: nova)
    return made


def test_options_name_profiles_hosts_and_flavors(
        service, flavors, request_of):
    service.profile_create("gold", {}, description="good", activate=True)
    service.profile_create("draft", {})
    service.set_result("host-a", "gold")
    found = api.options(request_of())
    assert found["available"] and found["problem"] is None
    assert found["profiles"] == [{"name": "gold", "description": "good",
                                  "version": 1, "hosts": 1}]
    assert found["flavors"] == {"f2": "gold"}


def test_options_ask_the_service_once(service, flavors, request_of):
    api.options(request_of())
    assert service.state.calls == ["profiles_list"]


def test_options_say_that_the_service_is_absent(
        absent, flavors, request_of):
    found = api.options(request_of())
    assert not found["available"] and found["profiles"] == []
    assert "no attestation service" in found["problem"]["reason"]
    assert found["problem"]["action"]


def test_options_say_that_the_service_is_away(service, flavors, request_of):
    service.state.failure = errors.Unavailable("it sleeps")
    found = api.options(request_of())
    assert not found["available"]
    assert found["problem"]["reason"] == "it sleeps"
    assert found["problem"]["code"] == Code.SERVICE_UNAVAILABLE


def test_flavors_are_asked_for_once_a_minute(service, flavors, request_of):
    assert api.options(request_of())["flavors"] == {"f2": "gold"}
    flavors.clear()
    assert api.options(request_of())["flavors"] == {"f2": "gold"}
    other = request_of()
    other.user.project_id = "another"
    assert api.options(other)["flavors"] == {}


def test_nova_that_fails_is_asked_again(
        service, flavors, request_of, monkeypatch):
    monkeypatch.setattr(api.exceptions, "handle", lambda *a, **k: None)
    with monkeypatch.context() as patch:
        patch.setattr(api._nova, "novaclient", None)
        assert api.options(request_of())["flavors"] == {}
    assert api.options(request_of())["flavors"] == {"f2": "gold"}


def test_options_without_nova_are_still_there(
        service, request_of, monkeypatch):
    def broken(request, version):
        raise RuntimeError("no Nova")
    monkeypatch.setattr(api._nova, "novaclient", broken)
    monkeypatch.setattr(api.exceptions, "handle", lambda *a, **k: None)
    assert api.options(request_of())["flavors"] == {}


def test_client_is_the_user_and_the_dashboards_ca(
        service, request_of, settings):
    settings.OPENSTACK_SSL_CACERT = "/ca.pem"
    settings.OPENSTACK_SSL_NO_VERIFY = False
    api.client(request_of())
    assert service.asked == [("https://attestation.example/", "token",
                              {"verify": "/ca.pem", "timeout": 10.0})]


def test_client_verifies_as_the_dashboard_does(
        service, request_of, settings):
    settings.OPENSTACK_SSL_NO_VERIFY = True
    settings.TRUSTED_LAUNCH_TIMEOUT = 3
    api.client(request_of())
    assert service.asked[0][2] == {"verify": False, "timeout": 3}


def test_token_never_brings_a_nonce_back(service, request_of):
    service.profile_create("gold", {}, activate=True)
    for nonce in (NONCE, None):
        made = api.create_launch(request_of(), "gold", nonce, "image")
        assert set(made) == {"id", "profile", "expires_at"}
    kept = list(service.state.launches.values())
    assert [k["image_id"] for k in kept] == ["image", "image"]


def test_instance_comes_with_a_proof_of_its_newest_receipt(
        service, request_of):
    service.add_release("other", "host-a", "gold")
    service.add_release("i", "host-a", "gold")
    service.add_release("i", "host-b", "gold")
    found = api.instance(request_of(), "i")
    assert found["available"] and found["lease"]["host"] == "host-b"
    newest = found["receipts"][0]
    verifier = trust.Verifier(found["jwks"])
    checkpoint = verifier.checkpoint(found["checkpoint"])
    receipts.verify_inclusion(
        receipts.leaf_hash(newest["receipt"]), newest["index"],
        checkpoint.size,
        [encoding.unhex(n, "path") for n in found["proof"]["path"]],
        checkpoint.root)
    assert verifier.receipt(newest["receipt"]).host == "host-b"


def test_untrusted_instance_costs_no_proof(service, request_of):
    found = api.instance(request_of(), "i")
    assert found["available"] and found["lease"] is None
    assert found["receipts"] == [] and found["proof"] is None
    assert "jwks" not in service.state.calls


def test_false_checkpoint_is_left_to_the_browser(
        service, request_of, monkeypatch):
    service.add_release("i", "host-a", "gold")
    monkeypatch.setattr(type(service), "checkpoint", lambda self: "a.b.c")
    found = api.instance(request_of(), "i")
    assert found["checkpoint"] == "a.b.c" and found["proof"] is None


def test_instance_says_that_the_service_is_away(absent, request_of):
    found = api.instance(request_of(), "i")
    assert not found["available"] and found["problem"]["reason"]


def test_marks_tell_trusted_from_refused(service, request_of):
    service.add_release("good", "host-a", "gold")
    service.state.releases.append({
        "id": "r", "instance_id": "bad", "host": "host-a",
        "action": "spawn", "state": "refused",
        "code": "release.not_affirming", "detail": "no", "advice": "do",
        "created_at": "2026-01-01T00:00:00Z", "log_index": None})
    found = api.marks(request_of(), ["good", "bad", "plain"])
    assert found["marks"]["good"]["state"] == "trusted"
    assert found["marks"]["bad"] == {
        "state": "refused", "since": "2026-01-01T00:00:00Z",
        "code": "release.not_affirming", "advice": "do"}
    assert set(found["marks"]) == {"good", "bad"}


def test_marks_look_on_a_later_page(service, request_of, monkeypatch):
    monkeypatch.setattr(api, "_PAGE", 2)
    service.add_release("old", "host-a", "gold")
    for number in range(4):
        service.add_release(f"new-{number}", "host-a", "gold")
    assert "old" in api.marks(request_of(), ["old"])["marks"]


def test_marks_look_no_further_than_a_few_pages(
        service, request_of, monkeypatch):
    monkeypatch.setattr(api, "_PAGE", 1)
    service.add_release("old", "host-a", "gold")
    for number in range(9):
        service.add_release(f"new-{number}", "host-a", "gold")
    assert api.marks(request_of(), ["old"])["marks"] == {}
    assert service.state.calls.count("receipts_list") == 5


def test_marks_of_nothing_ask_nothing(service, request_of):
    assert api.marks(request_of(), [])["marks"] == {}
    assert service.state.calls == []


def test_marks_are_left_out_when_the_service_is_away(absent, request_of):
    found = api.marks(request_of(), ["i"])
    assert found["marks"] == {} and not found["available"]
