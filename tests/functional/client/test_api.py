# SPDX-License-Identifier: Apache-2.0
"""Every method of the client asks for a route that the service has."""

from __future__ import annotations

import datetime
import inspect
import json
import re

import jsonschema
import pytest

from attestation_service.api.routes import ROUTES
from attestation_service.api.schemas import SCHEMAS
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.client.errors import ClientError, Refused
from nova_trusted_launch.client.trust import Verifier
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from nova_trusted_launch.wire.enrolment import EnrolmentRequest
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.release import Action, ReleaseRequest
from tests.fixtures.service import AttestationServiceFixture

DOCUMENT = {"schema": 1, "require": [
    {"hardware-root": {"required": True}}]}

PCRS = PcrBank(HashAlg.SHA256, {0: bytes(32)})
EVIDENCE = Evidence("a", bytes(32), b"q", b"s", PCRS, b"b", b"i", 1)
DIGEST = "ab" * 32
ID = "1f1a2b9c-7a4f-4d7e-9a35-0c7f3a1f7f10"
FUTURE = (datetime.datetime.now(datetime.UTC)
          + datetime.timedelta(days=1)).isoformat()

CALLS = {
    "attester_enrol": [EnrolmentRequest("h", b"c", (b"i",), b"e", b"a")],
    "attester_activate": ["e", b"p" * 32],
    "challenge_create": [ID], "evidence_send": [EVIDENCE],
    "release_request": [ReleaseRequest(ID, ID, Action.SPAWN, bytes(32))],
    "release_answer": [ID, EVIDENCE],
    "attesters_list": [{"state": "pending", "host": "h", "limit": 1,
                        "marker": "m"}],
    "attester_show": ["h"], "attester_label": ["h", {"region": "eu"}],
    "attester_approve": ["h"], "attester_retire": ["h"],
    "attester_attest": ["h"], "attester_explain": ["h", "gold"],
    "attester_evidence_list": ["h"], "attester_evidence_show": ["h", "e"],
    "results_list": [{"attester": "a", "host": "h", "profile": "p", "limit": 1,
                      "marker": "1"}],
    "results_history": ["a", {"profile": "p", "limit": 1, "marker": "1"}],
    "results_snapshot": [7],
    "profiles_list": [{"limit": 1, "marker": "m"}],
    "profile_create": ["gold", DOCUMENT, {
        "description": "d", "projects": ["p"], "activate": True}],
    "profile_show": ["gold"], "profile_versions": ["gold"],
    "profile_version_show": ["gold", 1],
    "profile_version_create": ["gold", DOCUMENT, {"activate": True}],
    "profile_update": ["gold", {"active_version": None, "description": "x",
                                "projects": ["p"]}],
    "profile_retire": ["gold"],
    "profile_preview": [DOCUMENT, "h"], "profile_draft": ["h"],
    "references_list": [{"limit": 1, "marker": "m"}],
    "reference_create": [{"name": "n", "kind": "ima", "provenance": "p",
                          "values": {DIGEST: ["/bin/sh"]}}],
    "reference_show": ["n"], "reference_delete": ["n"],
    "keys_list": [{"limit": 1, "marker": "m"}],
    "key_create": ["k", bytes(32), {
        "profile": "gold", "image_id": ID, "image_digest": DIGEST,
        "demand_token": True, "expires_at": FUTURE, "launches": 3}],
    "key_show": [ID], "key_delete": [ID],
    "launches_list": [{"instance_id": ID, "limit": 1, "marker": "m"}],
    "launch_create": ["gold", {"nonce": bytes(32), "image_id": ID,
                               "image_digest": DIGEST, "expires_in": 60}],
    "launch_show": [ID], "launch_delete": [ID],
    "releases_list": [{"instance_id": ID, "state": "granted", "limit": 1,
                       "marker": "m"}],
    "release_show": [ID], "instance_show": [ID], "instance_close": [ID],
    "receipts_list": [{"instance_id": ID, "limit": 1, "marker": "1"}],
    "receipt_show": [1], "checkpoint": [], "log_inclusion": [0, 1],
    "log_consistency": [0, 1], "log_leaves": [0, 10], "jwks": [],
    "versions": [],
}


class Recorder:
    """An adapter that remembers what it is asked and refuses it."""

    def request(self, path, method, **options):
        self.asked = (path, method, options)
        raise OSError


def asked_by(name: str):
    adapter = Recorder()
    args = list(CALLS[name])
    options = {}
    if args and isinstance(args[-1], dict) and not _is_body(name, args):
        options = args.pop()
    with pytest.raises(ClientError):
        getattr(TrustedLaunchClient(adapter), name)(*args, **options)
    return adapter.asked


def _is_body(name: str, args) -> bool:
    """Whether the last dict is an argument of its own, not options."""
    signature = inspect.signature(getattr(TrustedLaunchClient, name))
    positional = [p for p in signature.parameters.values() if p.kind in {
        p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY}]
    return len(args) <= len(positional) - 1


def test_every_method_is_tried():
    assert set(CALLS) == {
        name for name, _ in inspect.getmembers(
            TrustedLaunchClient, inspect.isfunction)
        if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_request_is_one_of_the_service_s(name):
    path, method, options = asked_by(name)
    (route,) = [r for r in ROUTES if r.method == method and re.fullmatch(
        re.sub(r"\{\w+\}", "[^/]+", r.path), path)
        and ("{" not in r.path or not any(
            o.path == path and o.method == method for o in ROUTES))]
    assert set(options["params"]) <= set(route.query)
    assert set(route.demands) <= set(options["params"])
    if route.body is None:
        assert options["data"] is None
    else:
        jsonschema.validate(json.loads(options["data"]),
                            SCHEMAS[route.body])


def test_every_route_has_a_method():
    covered = {asked_by(name)[:2] for name in CALLS}
    everybody = Recorder()
    with pytest.raises(ClientError):
        TrustedLaunchClient(everybody).attester_attest()
    covered.add(everybody.asked[:2])
    assert [f"{r.method} {r.path}" for r in ROUTES if not any(
        m == r.method and re.fullmatch(
            re.sub(r"\{\w+\}", "[^/]+", r.path), p)
        for p, m in covered)] == ["GET /", "GET /openapi.json"]


@pytest.fixture
def client(service):
    def of(who: str) -> TrustedLaunchClient:
        return TrustedLaunchClient(service.adapter(who))

    return of


def test_operator_s_day(service, host, client):
    admin = client("admin")
    assert [a["host"] for a in admin.attesters_list()] == ["host-1"]
    assert admin.attester_label("host-1", {"region": "eu"})["labels"] == {
        "region": "eu"}
    host.attest()
    verifier = Verifier(admin.jwks())
    (row,) = admin.results_list(host="host-1")
    assert verifier.result(row["jwt"]).host == "host-1"
    assert verifier.snapshot(admin.results_snapshot()).entries
    assert admin.attester_explain("host-1")["results"][0]["findings"]
    (kept,) = admin.attester_evidence_list("host-1")
    shown = admin.attester_evidence_show("host-1", kept["id"])
    assert shown["envelope"]["attester_id"] == host.attester_id
    assert admin.profile_show("baseline")["active_version"] == 1
    assert admin.profile_versions("baseline")[0]["version"] == 1
    admin.attester_retire("host-1")
    with pytest.raises(Refused) as refused:
        admin.attester_show("host-1")
    assert refused.value.code == Code.ATTESTER_UNKNOWN
    assert refused.value.action


def test_lists_are_read_to_their_end(tmp_path):
    with AttestationServiceFixture(tmp_path, api__page_size=2) as service:
        member = TrustedLaunchClient(service.adapter("member"))
        made = {member.key_create(f"key {n}", bytes([n]) * 32)["id"]
                for n in range(5)}
        found = [k["id"] for k in member.keys_list()]
        assert (len(found), set(found)) == (5, made)
        first = member.keys_list(limit=1)
        assert [k["id"] for k in first] == found[:1]
        rest = member.keys_list(limit=3, marker=found[1])
        assert [k["id"] for k in rest] == found[2:]


def test_e7_nothing_secret_is_logged_nor_in_a_failure(client, caplog):
    caplog.set_level(0)
    material = b"\xa5\x5a" * 16
    client("member").key_create("k", material)
    with pytest.raises(Refused) as refused:
        client("member").key_create("k" * 300, material)
    for shape in (material.hex(), "pVqlWqVa", repr(material)):
        assert shape not in caplog.text
        assert shape not in repr(refused.value) + str(refused.value)
