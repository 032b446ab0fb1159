# SPDX-License-Identifier: Apache-2.0
"""I1, I2, I8: who may do what, on every route and method."""

from __future__ import annotations

import datetime
import re

import pytest
from keystoneauth1 import fixture as tokens

from attestation_service.api.routes import ROUTES
from nova_trusted_launch.wire import encoding
from tests.fixtures.host import Host, good, profile, refusal
from tests.fixtures.service import IDENTITIES, AttestationServiceFixture

UNAUTHENTICATED = (401, "request.unauthenticated")
FORBIDDEN = (403, "request.forbidden")

ADMIN = {"admin"}
AGENTS = {"agent", "agent-two", "nova"}
OPERATORS = {"admin", "operator"}
MEMBERS = {"admin", "member", "other"}
READERS = {"admin", "member", "other", "reader"}
TOKENS = {*AGENTS, *OPERATORS, *READERS}
# Written down once more, so that a slip in policies/ shows here.
MAY = {
    "attesters:enrol": AGENTS, "attesters:list": AGENTS | OPERATORS,
    "attesters:show": AGENTS | OPERATORS, "attesters:update": ADMIN,
    "attesters:approve": ADMIN, "attesters:retire": ADMIN,
    "attesters:attest": ADMIN, "attesters:explain": OPERATORS,
    "attesters:evidence": ADMIN, "challenges:create": AGENTS,
    "evidence:create": AGENTS, "results:list": AGENTS | OPERATORS,
    "results:history": AGENTS | OPERATORS,
    "results:snapshot": AGENTS | ADMIN, "profiles:list": TOKENS,
    "profiles:show": TOKENS, "profiles:versions": OPERATORS,
    "profiles:create": ADMIN, "profiles:update": ADMIN,
    "profiles:retire": ADMIN, "profiles:preview": ADMIN,
    "profiles:draft": ADMIN, "reference_values:create": ADMIN,
    "reference_values:list": OPERATORS, "reference_values:show": OPERATORS,
    "reference_values:delete": ADMIN, "keys:create": MEMBERS,
    "keys:list": READERS, "keys:show": READERS, "keys:delete": MEMBERS,
    "launches:create": MEMBERS, "launches:list": READERS,
    "launches:show": READERS, "launches:delete": MEMBERS,
    "releases:create": AGENTS, "releases:answer": AGENTS,
    "releases:list": READERS, "releases:show": READERS,
    "instances:show": READERS | AGENTS, "instances:close": AGENTS | ADMIN,
    "receipts:list": READERS, "receipts:show": READERS, "log:show": TOKENS,
}
PROTECTED = [r for r in ROUTES if r.path.startswith("/v1/")
             and r.path != "/v1/jwks"]
each_protected = pytest.mark.parametrize(
    "route", PROTECTED, ids=lambda r: f"{r.method} {r.path}")


@pytest.fixture(scope="module", params=["static", "keystone"])
def shared(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with AttestationServiceFixture(folder, auth=request.param) as made:
        yield made


def url(route):
    """Return a path of that route; nothing of that name exists."""
    path = route.path
    for name in route.variables:
        value = "7" if name in {"version", "index"} else "none"
        path = path.replace(f"{{{name}}}", value)
    return path


@each_protected
def test_i1_without_a_valid_token_refused(shared, route):
    for token in (None, "", "x", "MEMBER", "admin,member"):
        answer = shared.ask(token, route.method, url(route), body={})
        assert refusal(answer) == UNAUTHENTICATED, token
        assert answer.headers["WWW-Authenticate"].startswith("Keystone")


@each_protected
def test_i1_wrong_role_refused(shared, route):
    for who in IDENTITIES:
        answer = shared.ask(who, route.method, url(route))
        if who in MAY[route.rule]:
            assert answer.status_code not in {401, 500}
            assert FORBIDDEN[1] not in answer.text, who
        else:
            assert refusal(answer) == FORBIDDEN, who


def test_i1_expired_token_refused(tmp_path):
    with AttestationServiceFixture(tmp_path, auth="keystone") as service:
        old = tokens.V3Token(
            user_id="u-admin", expires=datetime.datetime.now(
                datetime.UTC) - datetime.timedelta(minutes=1))
        old.add_role("admin")
        old.set_project_scope(id="p-admin")
        service.keystone.add_token(old, token_id="old")
        for route in PROTECTED:
            answer = service.ask("old", route.method, url(route))
            assert refusal(answer) == UNAUTHENTICATED


def test_i1_unscoped_and_domain_tokens_refused(tmp_path):
    with AttestationServiceFixture(tmp_path, auth="keystone") as service:
        unscoped = tokens.V3Token(user_id="u")
        domain = tokens.V3Token(user_id="u", domain_id="d")
        for role in ("admin", "member", "reader", "service"):
            domain.add_role(role)
        service.keystone.add_token(unscoped, token_id="unscoped")
        service.keystone.add_token(domain, token_id="domain")
        for route in PROTECTED:
            assert refusal(service.ask(
                "unscoped", route.method, url(route))) == FORBIDDEN
            if route.noun != "log":
                assert refusal(service.ask(
                    "domain", route.method, url(route))) == FORBIDDEN


def methods_of(path):
    """Return what the table has for a path; attest may be a host's name."""
    return {r.method for r in ROUTES if re.fullmatch(
        re.sub(r"\{\w+\}", "[^/]+", r.path), path)}


@pytest.mark.parametrize("path", sorted({url(r) for r in ROUTES}))
def test_i1_other_methods_refused(shared, path):
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
                   "TRACE", "CONNECT", "X"} - methods_of(path):
        answer = shared.ask("admin", method, path)
        assert refusal(answer) == (405, "request.method"), method


def test_i1_other_project_sees_nothing(service, host):
    host.attest()
    key = good(service.ask("member", "POST", "/v1/keys", {
        "name": "k", "material": encoding.b64(b"k" * 32),
        "policy": {"profile": "baseline"}}), 201)["key"]
    launch = good(service.ask("member", "POST", "/v1/launches", {
        "profile": "baseline"}), 201)["launch"]
    request = host.request(key_id=key["id"], launch_id=launch["id"],
                           image_id="image-1")
    service.nova.place(request.instance_id, host.name)
    released = good(host.release(request))
    mine = [f"/v1/keys/{key['id']}", f"/v1/launches/{launch['id']}",
            f"/v1/releases/{released['release_id']}",
            f"/v1/instances/{request.instance_id}", "/v1/receipts/0"]
    for path in mine:
        assert good(service.ask("member", "GET", path))
        assert good(service.ask("admin", "GET", path))
        assert refusal(service.ask("other", "GET", path))[0] == 404
    for path in mine[:2]:
        assert refusal(service.ask("other", "DELETE", path))[0] == 404
    for noun in ("keys", "launches", "releases", "receipts"):
        for filtered in ("", f"?instance_id={request.instance_id}"):
            path = f"/v1/{noun}{'' if noun == 'keys' else filtered}"
            assert good(service.ask("other", "GET", path))[noun] == []
    assert good(service.ask("member", "GET", mine[0]))


SPOOFED = {
    "X-Identity-Status": "Confirmed", "X-User-Id": "u-admin",
    "X-User": "u-admin", "X-User-Name": "admin", "X-Roles": "admin,service",
    "X-Role": "admin", "X-Project-Id": "p-admin", "X-Tenant-Id": "p-admin",
    "X-Tenant": "p-admin", "X-Is-Admin-Project": "True",
    "OpenStack-System-Scope": "all", "X-Service-Identity-Status":
    "Confirmed", "X-Service-Roles": "admin,service",
    "X-Service-User-Id": "u-admin", "X-Domain-Id": "default"}


@each_protected
def test_i2_identity_headers_do_not_count(shared, route):
    for headers in (SPOOFED, {n.lower(): v for n, v in SPOOFED.items()}):
        assert refusal(shared.ask(None, route.method, url(route),
                                  headers=headers)) == UNAUTHENTICATED
        assert refusal(shared.ask("nobody", route.method, url(route),
                                  headers=headers)) == FORBIDDEN


def test_i2_headers_do_not_move_a_caller_to_another_project(shared):
    made = good(shared.ask("member", "POST", "/v1/keys", {
        "name": "k", "material": encoding.b64(b"k" * 32), "policy": {}},
        headers=SPOOFED), 201)["key"]
    assert made["project_id"] == "p1"
    assert refusal(shared.ask("other", "GET", f"/v1/keys/{made['id']}",
                              headers=SPOOFED))[0] == 404


def test_i2_service_tokens_lend_nothing(shared):
    for lent in ("admin", "nova", "operator"):
        assert refusal(shared.ask("nobody", "GET", "/v1/attesters", headers={
            "X-Service-Token": lent})) == FORBIDDEN


def test_i8_retired_host_with_its_old_token_refused(service, host):
    host.attest()
    request = host.request(profile="baseline", image_id="image-1")
    service.nova.place(request.instance_id, host.name)
    challenge, release = host.challenge(), host.open(request)

    good(service.ask("admin", "DELETE", f"/v1/attesters/{host.name}"), 204)

    retired = (403, "attester.retired")
    assert refusal(host.ask("POST", "/v1/challenges", {
        "attester_id": host.attester_id})) == retired
    assert refusal(host.submit(host.evidence(challenge))) == retired
    assert refusal(host.answer(request, *release)) == retired
    assert refusal(host.ask("POST", "/v1/releases", host.request(
        profile="baseline").to_dict())) == retired
    assert good(service.ask("admin", "GET", "/v1/results"))["results"] == []
    (past,) = good(service.ask(
        "admin", "GET", f"/v1/results/history/{host.attester_id}"))["results"]
    assert past["jwt"]
    assert good(service.ask("admin", "GET", "/v1/receipts"))[
        "receipts"] == []


def test_i8_a_new_identity_does_not_revive_the_old(service):
    profile(service)
    old = Host(service).enrol()
    good(service.ask("admin", "DELETE", f"/v1/attesters/{old.name}"), 204)
    new = Host(service, user="agent-two").enrol()
    assert new.attester_id != old.attester_id
    assert refusal(old.ask("POST", "/v1/challenges", {
        "attester_id": old.attester_id})) == (403, "attester.retired")
    assert refusal(old.ask("POST", "/v1/challenges", {
        "attester_id": new.attester_id}))[0] == 403
