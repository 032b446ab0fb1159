# SPDX-License-Identifier: Apache-2.0
"""H2, H3, H5, H6 at the service: whatever fails, nothing is released.

Each test also asks what was left behind: no result, no receipt, no lease, and
a nonce that is spent.
"""

from __future__ import annotations

import datetime

import pytest
import sqlalchemy as sa

from attestation_service.flows import judgement, release
from attestation_service.store import schema
from nova_trusted_launch.wire import encoding
from tests.fakes.outside import NOW
from tests.fixtures.host import Host, good, profile, refusal

BROKEN = (500, "service.broken")
UNAVAILABLE = (503, "service.unavailable")
STALE = (409, "evidence.stale")


def left(service):
    """Return what a release leaves: receipts, leases and disk keys."""
    with service.database.transaction() as connection:
        return [connection.scalar(sa.select(sa.func.count()).select_from(t))
                for t in (schema.receipts, schema.leases)]


def sequence(service):
    with service.store.unit() as unit:
        return unit.results.sequence()


class Bug(Exception):
    """What nobody foresaw."""


def fails(*_, **__):
    raise Bug("the secret is 42")


@pytest.mark.parametrize("step", [
    "verify.verify_evidence", "facts.extract", "appraise"])
def test_h2_exception_while_judging_appraises_nothing(
        service, host, placed, monkeypatch, step):
    challenge, opened = host.challenge(), host.open(placed)
    evidence, before = host.evidence(challenge), sequence(service)
    with monkeypatch.context() as patch:
        owner, name = _find(judgement, step)
        patch.setattr(owner, name, fails)
        for answer in (host.submit(evidence), host.answer(placed, *opened)):
            assert refusal(answer) == BROKEN
            assert "secret" not in answer.text
    assert sequence(service) == before
    assert left(service) == [0, 0]
    # The nonces are gone all the same.
    assert refusal(host.submit(evidence)) == STALE
    assert refusal(host.answer(placed, *opened)) == STALE


def _find(module, dotted):
    *path, name = dotted.split(".")
    for part in path:
        module = getattr(module, part)
    assert hasattr(module, name)
    return module, name


def test_h2_exception_while_deciding_releases_nothing(
        service, host, placed, monkeypatch):
    opened = host.open(placed)
    with monkeypatch.context() as patch:
        patch.setattr(release, "decide", fails)
        assert refusal(host.answer(placed, *opened)) == BROKEN
    assert left(service) == [0, 0]
    assert refusal(host.answer(placed, *opened)) == STALE
    good(host.release(placed))


@pytest.mark.parametrize("adapter", ["signer.sign", "signer.sign_policy",
                                     "vault.put", "nova.locate"])
def test_h2_exception_in_an_adapter_releases_nothing(
        service, host, placed, monkeypatch, adapter):
    opened = host.open(placed)
    with monkeypatch.context() as patch:
        patch.setattr(*_find(service, adapter), fails)
        assert refusal(host.answer(placed, *opened)) == BROKEN
    assert left(service) == [0, 0]
    assert refusal(host.answer(placed, *opened)) == STALE
    good(host.release(placed))


@pytest.mark.parametrize(("asked", "answer"), [
    ({}, (403, "release.no_profile")),
    ({"profile": None}, (403, "release.no_profile")),
    ({"profile": "none"}, (404, "profile.unknown")),
    ({"profile": "Baseline"}, (404, "profile.unknown")),
    ({"profile": "retired"}, (404, "profile.unknown")),
    ({"profile": "sleeping"}, (404, "profile.unknown")),
    ({"profile": "foreign"}, (404, "profile.unknown")),
])
def test_h3_empty_null_or_unknown_profile_refused(
        service, host, placed, asked, answer):
    rules = {"schema": 1, "require": [{"hardware-root": {
        "required": True}}]}
    profile(service, "retired")
    good(service.ask("admin", "DELETE", "/v1/profiles/retired"), 204)
    for name, more in {"sleeping": {"activate": False},
                       "foreign": {"activate": True,
                                   "projects": ["p2"]}}.items():
        good(service.ask("admin", "POST", "/v1/profiles", {
            "name": name, "document": rules, **more}), 201)
    request = host.request(placed.instance_id, image_id="image-1", **asked)
    status, code = refusal(host.release(request))
    assert (status, code) in {answer, (403, "release.not_affirming")}
    assert left(service) == [0, 0]


@pytest.mark.parametrize("profile_name", ["", " ", "a/b", 0, [], {}, True])
def test_h3_profile_that_is_no_name_refused(service, host, placed,
                                            profile_name):
    body = {**placed.to_dict(), "profile": profile_name}
    assert refusal(host.ask("POST", "/v1/releases", body)) == (
        400, "request.invalid")


def test_h3_without_any_profile_no_host_is_good(service):
    host = Host(service).enrol()
    assert host.attest() == []
    assert good(service.ask("admin", "GET", "/v1/results"))["results"] == []


def test_h5_clock_ahead_refuses(service, host, placed):
    key = good(service.ask("member", "POST", "/v1/keys", {
        "name": "k", "material": encoding.b64(b"k" * 32),
        "policy": {"profile": "baseline", "expires_at": encoding.timestamp(
            NOW + datetime.timedelta(hours=1))}}), 201)["key"]
    launch = good(service.ask("member", "POST", "/v1/launches", {
        "profile": "baseline", "expires_in": 3600}), 201)["launch"]
    challenge, opened = host.challenge(), host.open(placed)
    service.clock.tick(hours=2)
    assert refusal(host.submit(host.evidence(challenge))) == STALE
    assert refusal(host.answer(placed, *opened)) == (
        403, "release.expired")
    assert refusal(host.release(host.request(
        placed.instance_id, key_id=key["id"], image_id="image-1"))) == (
            403, "release.expired")
    late = host.request(placed.instance_id, launch_id=launch["id"],
                        image_id="image-1")
    assert refusal(host.release(late)) == (403, "token.expired")
    assert left(service) == [0, 0]


def test_h5_clock_behind_does_not_revive_what_was_spent(service, host,
                                                        placed):
    challenge, opened = host.challenge(), host.open(placed)
    evidence = host.evidence(challenge)
    good(host.submit(evidence), 201)
    good(host.answer(placed, *opened))
    service.clock.tick(hours=-2)
    assert refusal(host.submit(evidence)) == STALE
    assert refusal(host.answer(placed, *opened)) == STALE
    good(service.ask("nova", "DELETE",
                     f"/v1/instances/{placed.instance_id}"), 204)
    service.clock.tick(hours=-2)
    assert refusal(host.release(host.request(
        placed.instance_id, profile="baseline", image_id="image-1"))) == (
            403, "release.closed")


def test_h5_certificates_of_the_future_or_the_past_refused(service):
    for years in (-3, 12):
        service.clock.now = NOW + datetime.timedelta(days=365 * years)
        host = Host(service)
        assert refusal(host.ask("POST", "/v1/attesters",
                                host.claim().to_dict())) == (
            403, "evidence.unendorsed")


class LostDatabase:
    """The n-th transaction from now, and every later one, fails."""

    def __init__(self, service):
        self.engine = service.database.engine
        self.left = None
        sa.event.listen(self.engine, "begin", self)

    def __call__(self, connection):
        if self.left is None:
            return
        if self.left == 0:
            raise sa.exc.OperationalError("BEGIN", {}, OSError("gone"))
        self.left -= 1


def test_h6_database_lost_between_two_steps_of_attestation(service, host):
    lost, steps = LostDatabase(service), 0
    while True:
        lost.left = None
        challenge, before = host.challenge(), sequence(service)
        evidence = host.evidence(challenge)
        lost.left = steps
        answer = host.submit(evidence)
        lost.left = None
        if answer.status_code == 201:
            break
        assert refusal(answer) == UNAVAILABLE
        assert sequence(service) == before
        again = host.submit(evidence)
        assert again.status_code == 201 if steps == 0 else (
            refusal(again) == STALE)
        service.clock.tick(minutes=2)
        steps += 1
    assert steps >= 2


def test_h6_database_lost_between_two_steps_of_a_release(service, host):
    host.attest()
    lost, steps = LostDatabase(service), 0
    while True:
        lost.left = None
        request = host.request(profile="baseline", image_id="image-1")
        service.nova.place(request.instance_id, host.name)
        opened = host.open(request)
        before = left(service)
        lost.left = steps
        answer = host.answer(request, *opened)
        lost.left = None
        if answer.status_code == 200:
            break
        assert refusal(answer) == UNAVAILABLE
        assert left(service) == before, "a lease without its answer"
        if steps:
            assert refusal(host.answer(request, *opened)) == STALE
        steps += 1
    assert steps >= 3
    assert left(service) == [before[0] + 1, before[1] + 1]


def test_h6_without_the_database_nothing_is_answered(service, host, placed):
    opened = host.open(placed)
    LostDatabase(service).left = 0
    for who, method, path in (
            ("agent", "POST", "/v1/challenges"),
            ("nova", "GET", "/v1/results/snapshot"),
            ("member", "GET", "/v1/keys"), ("admin", "GET", "/v1/results"),
            (None, "GET", "/healthcheck")):
        body = {"attester_id": host.attester_id} if method == "POST" else None
        answer = service.ask(who, method, path, body)
        assert refusal(answer) == UNAVAILABLE
        assert answer.headers["Retry-After"]
    assert refusal(host.answer(placed, *opened)) == UNAVAILABLE


def test_h6_nova_away_refuses(service, host, placed):
    service.nova.down = True
    assert refusal(host.release(placed)) == (503, "release.unconfirmed")
    assert left(service) == [0, 0]
    service.nova.down = False
    good(host.release(host.request(placed.instance_id, profile="baseline",
                                   image_id="image-1")))


def test_placement_and_bus_away_do_not_matter(service, host, placed):
    service.placement.down = service.agents.down = True
    host.attest()
    good(host.release(placed))
