# SPDX-License-Identifier: Apache-2.0
"""I3, I4, I5: URLs, floods and bodies that nobody honest sends."""

from __future__ import annotations

import copy
import logging
import socket

import pytest
from cryptography import x509

from attestation_service.api import logs
from attestation_service.api.routes import ROUTES
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.release import Action
from tests.fakes.tpm import FakeTpm
from tests.fixtures.host import Host, good, refusal

DIGEST = "01" * 32
RULES = {"schema": 1, "require": [{"hardware-root": {"required": True}}]}
BODIES = {
    "/v1/keys": ("member", {
        "name": "k", "material": encoding.b64(b"k" * 32), "policy": {
            "profile": "baseline", "image_id": "i", "image_digest": DIGEST,
            "expires_at": "2030-01-01T00:00:00Z"}}),
    "/v1/launches": ("member", {
        "profile": "baseline", "nonce": encoding.b64(b"n" * 32),
        "image_id": "i", "image_digest": DIGEST}),
    "/v1/profiles": ("admin", {
        "name": "p", "description": "d", "document": RULES,
        "projects": ["p1"], "activate": True}),
    "/v1/profiles/preview": ("admin", {"document": RULES,
                                       "host": "host-1"}),
    "/v1/profiles/draft": ("admin", {"host": "host-1"}),
    "/v1/reference-values": ("admin", {
        "name": "r", "kind": "digest", "provenance": "p",
        "values": {DIGEST: ["x"]}}),
    "/v1/challenges": ("agent", {"attester_id": "a"}),
    "/v1/attesters/activate": ("agent", {
        "enrolment_id": "e", "proof": encoding.b64(bytes(32))}),
}


def bodies(service, host):
    """Return who, path and a well-formed body of every POST."""
    yield from ((who, path, body) for path, (who, body) in BODIES.items())
    yield "agent", "/v1/attesters", host.claim().to_dict()
    challenge = host.challenge()
    yield "agent", "/v1/evidence", host.evidence(challenge).to_dict()
    yield "agent", "/v1/releases", host.request(
        profile="baseline", image_id="i", key_id="k", launch_id="l",
        action=Action.SPAWN).to_dict()


def spots(value, path=()):
    """Return where in a body a string stands, keys included."""
    if isinstance(value, str):
        yield path, False
    for name, item in (value.items() if isinstance(value, dict)
                       else enumerate(value) if isinstance(value, list)
                       else ()):
        yield from spots(item, (*path, name))
        if isinstance(name, str):
            yield (*path, name), True


def put(body, spot, text):
    """Return the body with a string, or a key, replaced."""
    path, is_key = spot
    changed = copy.deepcopy(body)
    at = changed
    for name in path[:-1]:
        at = at[name]
    if is_key:
        at[text] = at.pop(path[-1])
    else:
        at[path[-1]] = text
    return changed


@pytest.fixture
def trap():
    """A server that must never be called, and its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(BlockingIOError):
            server.accept()


def test_i3_a_url_in_any_field_is_never_fetched(service, host, trap):
    for who, path, body in list(bodies(service, host)):
        for spot in spots(body):
            answer = service.ask(who, "POST", path, put(body, spot, trap))
            assert answer.status_code < 500, (path, spot)


def test_i3_a_url_in_a_certificate_is_never_fetched(service, trap):
    link = x509.UniformResourceIdentifier(trap)
    extra = (
        (x509.AuthorityInformationAccess([
            x509.AccessDescription(method, link) for method in (
                x509.oid.AuthorityInformationAccessOID.CA_ISSUERS,
                x509.oid.AuthorityInformationAccessOID.OCSP)]), False),
        (x509.CRLDistributionPoints([x509.DistributionPoint(
            [link], None, None, None)]), False))
    tpm = FakeTpm(ca=service.ca)
    tpm.ek_certificate = service.ca.issue(
        x509.load_der_x509_certificate(tpm.ek_certificate).public_key(),
        extra=extra)
    # With and without the intermediate that the URL might help to find.
    host = Host(service, tpm=tpm)
    good(host.ask("POST", "/v1/attesters", host.claim().to_dict()), 201)
    tpm.intermediates = ()
    answer = host.ask("POST", "/v1/attesters", host.claim().to_dict())
    assert refusal(answer) == (403, "evidence.unendorsed")


def test_i4_flood_of_challenges_is_bounded(service, host):
    asked = {"attester_id": host.attester_id}
    answers = [host.ask("POST", "/v1/challenges", asked)
               for _ in range(200)]
    assert sum(a.status_code == 201 for a in answers) == 4
    refused = [a for a in answers if a.status_code != 201]
    assert {refusal(a) for a in refused} == {(429, "request.limit")}
    assert all(a.headers["Retry-After"] for a in refused)
    # Nobody else suffers, and neither does the host for long.
    Host(service, "host-2").enrol().attest()
    service.clock.tick(minutes=2)
    host.attest()


def test_i4_flood_of_releases_is_bounded(service, host):
    answers = [host.ask("POST", "/v1/releases", host.request(
        profile="baseline").to_dict()) for _ in range(80)]
    assert sum(a.status_code == 201 for a in answers) == 64
    host.attest()


def test_i4_flood_of_enrolments_is_bounded(service):
    host = Host(service)
    claim = host.claim().to_dict()
    answers = [host.ask("POST", "/v1/attesters", claim) for _ in range(50)]
    assert sum(a.status_code == 201 for a in answers) == 4
    assert refusal(answers[-1]) == (429, "request.limit")
    Host(service, "host-2").enrol()
    service.clock.tick(minutes=10)
    host.enrol()


STRANGE = {
    "nul": "\0", "controls": "a\r\nb", "escape": "\x1b[2J", "empty": "",
    "long": "x" * 70_000, "right-to-left": "a\u202eb", "zero-width":
    "a\u200bb", "half-surrogate": "\ud800", "traversal": "../../etc/passwd",
    "template": "{{7*7}}${7*7}%s%n", "quote": "'; DROP TABLE attesters; --",
    "emoji": "\U0001f600" * 100, "line-separator": "a\u2028b"}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_i5_strange_text_in_any_field_is_understood_or_refused(
        service, host, text):
    for who, path, body in list(bodies(service, host)):
        for spot in spots(body):
            answer = service.ask(who, "POST", path, put(body, spot, text))
            assert answer.status_code < 500, (path, spot)
            if spot[0][-1] not in {"name", "description", "provenance"}:
                continue
            if text in {"\0", "a\r\nb", "\ud800", "a\u202eb"}:
                assert answer.status_code == 400


@pytest.mark.parametrize("value", [
    None, True, 0, -1, 1.5, 2 ** 63, 10 ** 400, [], {}, [[]], {"a": {}}],
    ids=repr)
def test_i5_other_types_in_any_field_are_refused(service, host, value):
    for who, path, body in list(bodies(service, host)):
        for spot in spots(body):
            if spot[1]:
                continue
            answer = service.ask(who, "POST", path, put(body, spot, value))
            assert answer.status_code < 500, (path, spot)


def deep(levels):
    """Return nested arrays as text."""
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize("text", [
    pytest.param(b'{"attester_id":"a","attester_id":"b"}', id="duplicate"),
    pytest.param(b'{"attester_id":NaN}', id="nan"),
    pytest.param(b'{"attester_id":1e400}', id="overflow"),
    pytest.param(b'{"attester_id":"a",}', id="comma"),
    pytest.param(b'{"attester_id":"a"}{}', id="tail"),
    pytest.param(b'\xef\xbb\xbf{"attester_id":"a"}', id="bom"),
    pytest.param('{"attester_id":"a"}'.encode("utf-16"), id="utf-16"),
    pytest.param(b'{"attester_id":"\xc0\xae"}', id="overlong"),
    pytest.param(deep(17), id="deep"),
    pytest.param(deep(30_000), id="very-deep"),
    pytest.param(b'{"a":' * 5000 + b"1" + b"}" * 5000, id="deep-objects"),
])
def test_i5_what_is_not_strict_json_is_refused(service, text):
    for route in ROUTES:
        if route.body is None or route.method != "POST":
            continue
        for who in ("admin", "agent", "member"):
            answer = service.http().post(
                service.url + route.path.replace("{attester}", "a")
                .replace("{profile}", "a").replace("{release}", "a"),
                data=text, headers={"X-Auth-Token": who,
                                    "Content-Type": "application/json"})
            assert refusal(answer) in {(400, "request.invalid"),
                                       (403, "request.forbidden")}


def test_i5_oversized_bodies_are_refused(service):
    for route in ROUTES:
        if route.body is None:
            continue
        limit = service.conf.limits[route.size]
        answer = service.http().request(
            route.method, service.url + route.path.replace("{", "").replace(
                "}", ""), data=b" " * (limit + 1),
            headers={"X-Auth-Token": "admin",
                     "Content-Type": "application/json"})
        assert refusal(answer) in {(413, "request.too_large"),
                                   (403, "request.forbidden")}


@pytest.mark.parametrize("path", [
    "/v1/keys/../../etc/passwd", "/v1/keys/..%2f..%2fetc%2fpasswd",
    "/v1/keys/%2e%2e%2f%2e%2e", "/v1/profiles/..%5c..%5cboot.ini",
    "/v1/attesters/%00", "/v1/attesters/a%00b", "/v1/attesters/a%0d%0ab",
    "/v1/attesters/%c0%ae%c0%ae", "/v1/attesters/%ed%a0%80",
    "/v1/reference-values/..%2f", "/v1/receipts/0x0", "/v1/receipts/-1",
    "/v1/receipts/" + "9" * 400, "/static/../wsgi.py",
    "/%2e%2e/%2e%2e/etc/passwd", "/v1/attesters/" + "a" * 5000])
def test_i5_paths_lead_nowhere_else(service, path):
    answer = service.ask("admin", "GET", path)
    assert answer.status_code in {400, 404}
    assert "root:" not in answer.text


def test_i5_no_request_forges_a_log_record(service, caplog):
    caplog.handler.addFilter(logs.OneLine())
    caplog.set_level(logging.DEBUG)
    forged = "2026-11-25 12:00:00 1 INFO attestation_service all is well"
    service.ask("admin", "GET", f"/v1/x%0d%0a{forged}")
    service.ask("admin", "GET", f"/v1/attesters/x%0d%0a{forged}")
    service.ask("admin", "GET", f"/v1/keys?x%0a{forged}=1")
    service.ask("admin", "POST", "/v1/profiles", {
        "name": f"x\r\n{forged}", "document": {f"\n{forged}": 1},
        "activate": True})
    service.ask("admin", "PATCH", "/v1/attesters/none", {
        "labels": {f"x\n{forged}": f"\n{forged}"}})
    assert "refused" in caplog.text
    assert not [line for line in caplog.text.splitlines()
                if line.startswith("2026-11-25")]
