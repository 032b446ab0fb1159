# SPDX-License-Identifier: Apache-2.0
"""What a document would break, and a draft of one that breaks nothing."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service.core import errors
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes.cloud import PROFILE, Cloud
from tests.fakes.logs import ima_file

STRICT = {"schema": 1, "require": [{"hardware-root": {"required": True}}]}


@pytest.fixture
def cloud():
    return Cloud()


def create(cloud, name="gold", **changes):
    return cloud.flows.profiles.create(**{
        "name": name, "description": "for all", "document": PROFILE,
        "projects": None, "activate": True, "user_id": "op",
        "now": cloud.clock(), **changes})


def test_preview_says_what_a_document_would_break(cloud):
    create(cloud, document={"schema": 1, "require": [{"label": {
        "name": "region", "values": ["eu"]}}, {"hardware-root": {
            "required": True}}]})
    host = cloud.host()
    cloud.host("host-2", enrol=False).enrol(approve=False)
    cloud.host("host-3")
    host.attest()
    before = cloud.store.units, dict(cloud.store.tables.results.rows)
    changes = cloud.flows.preview(PROFILE, None, cloud.clock())
    assert [(c.host, c.before, c.after) for c in changes] == [
        ("host-1", TrustTier.CONTRAINDICATED, TrustTier.AFFIRMING),
        ("host-3", None, TrustTier.NONE)]
    assert [f.rule for f in changes[0].findings] == ["tpm"]
    assert changes[1].findings == ()
    assert cloud.store.tables.results.rows == before[1]


def test_preview_of_one_host(cloud):
    create(cloud)
    cloud.host().attest()
    cloud.host("host-2").attest()
    (change,) = cloud.flows.preview(STRICT, "host-2", cloud.clock())
    assert (change.host, change.before, change.after) == (
        "host-2", TrustTier.AFFIRMING, TrustTier.CONTRAINDICATED)
    with pytest.raises(errors.Unknown):
        cloud.flows.preview(STRICT, "host-9", cloud.clock())


def test_preview_knows_nothing_from_expired_results(cloud):
    create(cloud)
    cloud.host().attest()
    cloud.tick(seconds=600)
    (change,) = cloud.flows.preview(STRICT, None, cloud.clock())
    assert change.before is None


def test_preview_walks_every_page(cloud, monkeypatch):
    monkeypatch.setattr(
        "attestation_service.flows.provision.preview._PAGE", 2)
    for i in range(5):
        cloud.host(f"h{i}")
    assert [c.host for c in cloud.flows.preview(
        PROFILE, None, cloud.clock())] == [f"h{i}" for i in range(5)]


def test_preview_believes_signatures_only(cloud):
    create(cloud)
    host = cloud.host()
    host.attest()
    (kept,) = cloud.store.tables.kept_evidence.rows[host.id]
    forged = kept.envelope.replace(b'"0":"00', b'"0":"11')
    assert forged != kept.envelope
    cloud.store.tables.kept_evidence.rows[host.id] = [
        dataclasses.replace(kept, envelope=forged)]
    with pytest.raises(errors.UnauthenticEvidence):
        cloud.flows.preview(PROFILE, "host-1", cloud.clock())


@pytest.mark.parametrize("hardware", [True, False])
def test_a_draft_holds_for_the_host_it_was_made_from(hardware):
    cloud = Cloud(hardware=hardware)
    host = cloud.host(pcrs={7: b"\7" * 32})
    host.attest()
    draft = cloud.flows.draft("host-1", cloud.clock())
    rules = [next(iter(rule)) for rule in draft["require"]]
    assert rules == ["hardware-root"] * hardware + ["tpm"] + ["pcr"] * 11
    create(cloud, document=draft)
    (stored,) = host.attest()
    assert stored.result.tier is TrustTier.AFFIRMING
    host.tpm.extend(7, b"\1" * 32)
    (stored,) = host.attest()
    assert stored.result.tier is TrustTier.CONTRAINDICATED


def test_a_draft_of_a_host_without_a_maker(cloud):
    host = cloud.host()
    host.attest()
    rows = cloud.store.tables.attesters.rows
    rows[host.id] = dataclasses.replace(rows[host.id], manufacturer="")
    draft = cloud.flows.draft("host-1", cloud.clock())
    assert list(draft["require"][0]["tpm"]) == ["firmware"]


def test_a_draft_of_evidence_for_a_release(cloud):
    create(cloud)
    cloud.nova.place("vm-1", "host-1")
    cloud.host().release(profile="gold")
    cloud.flows.draft("host-1", cloud.clock())


def test_a_draft_asks_for_files(cloud):
    host = cloud.host()
    host.measure("/bin/a", b"a")
    host.attest()
    draft = cloud.flows.draft("host-1", cloud.clock())
    create(cloud, document=draft)
    (stored,) = host.attest()
    assert stored.result.tier is TrustTier.AFFIRMING
    host.measure("/bin/a", b"changed")
    (stored,) = host.attest()
    assert stored.result.tier is TrustTier.CONTRAINDICATED
    draft = cloud.flows.draft("host-1", cloud.clock(), files=False)
    assert "ima" not in {k for rule in draft["require"] for k in rule}


def test_a_host_with_a_violation_is_no_model(cloud):
    host = cloud.host()
    host.measure("/bin/a", b"a")
    host.ima.entries.append(ima_file("/log", violation=True))
    host.tpm.extend(10, b"\xff" * 32)
    host.attest()
    with pytest.raises(errors.Conflict, match="entry 3: /log"):
        cloud.flows.draft("host-1", cloud.clock())
    cloud.flows.draft("host-1", cloud.clock(), files=False)


def test_no_draft_without_evidence(cloud):
    cloud.host()
    with pytest.raises(errors.Unknown):
        cloud.flows.draft("host-1", cloud.clock())
    with pytest.raises(errors.Unknown):
        cloud.flows.draft("host-9", cloud.clock())
