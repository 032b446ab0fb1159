# SPDX-License-Identifier: Apache-2.0
"""What operators do with attesters."""

from __future__ import annotations

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier

APPROVED, PENDING, RETIRED = (
    r.AttesterState.APPROVED, r.AttesterState.PENDING,
    r.AttesterState.RETIRED)


def states(cloud):
    return [(e.payload["previous"], e.payload["state"])
            for e in cloud.events() if e.event_type == "attester.state"]


def test_approve(cloud):
    host = cloud.host(enrol=False)
    host.enrol(approve=False)
    cloud.agents.asked.clear()
    now = cloud.tick(seconds=5)
    attester = cloud.flows.attesters.approve("host-1", now)
    assert (attester.state, attester.updated_at) == (APPROVED, now)
    assert cloud.flows.attesters.find(attester.id) == attester
    assert states(cloud) == [(None, "pending"), ("pending", "approved")]
    assert cloud.agents.asked == ["host-1"]


def test_approving_again_changes_nothing(cloud, host):
    before = cloud.flows.attesters.find(host.id)
    assert cloud.flows.attesters.approve(host.id, cloud.tick(days=1)) == (
        before)
    assert states(cloud) == [(None, "pending"), ("pending", "approved")]


def test_without_a_bus_an_approval_still_counts(cloud, host):
    cloud.agents.down = True
    other = cloud.host("host-2")
    assert cloud.flows.attesters.find(other.id).state is APPROVED


def test_label_ends_what_was_known_with_the_old_ones(cloud, host):
    host.attest()
    cloud.agents.asked.clear()
    now = cloud.tick(seconds=1)
    attester = cloud.flows.attesters.label(host.id, {"region": "eu"}, now)
    assert (attester.labels, attester.updated_at) == ({"region": "eu"}, now)
    assert cloud.flows.results.latest(r.Page(9)) == []
    assert cloud.agents.asked == ["host-1"]


def test_the_same_labels_change_nothing(cloud, host):
    cloud.flows.attesters.label(host.id, {"region": "eu"}, cloud.clock())
    (stored,) = host.attest()
    before = cloud.flows.attesters.find(host.id)
    assert cloud.flows.attesters.label(
        host.id, {"region": "eu"}, cloud.tick(seconds=1)) == before
    assert cloud.flows.results.latest(r.Page(9)) == [stored]


@pytest.mark.parametrize("labels", [
    {"": "x"}, {"x": ""}, {"a\nb": "x"}, {"x": 1}, {"x": "y" * 256},
    {str(i): "x" for i in range(65)}])
def test_labels_are_short_printable_text(cloud, host, labels):
    with pytest.raises(errors.Invalid):
        cloud.flows.attesters.label(host.id, labels, cloud.clock())
    cloud.flows.attesters.label(
        host.id, {str(i): "y" * 255 for i in range(64)}, cloud.clock())


def test_retire_ends_everything(cloud, host):
    host.attest()
    assert cloud.placement.traits["host-1"] == {"gold"}
    now = cloud.tick(seconds=1)
    cloud.flows.attesters.retire("host-1", now)
    assert cloud.flows.attesters.find(host.id).state is RETIRED
    assert cloud.placement.traits["host-1"] == set()
    assert cloud.flows.results.latest(r.Page(9)) == []
    assert states(cloud)[-1] == ("approved", "retired")
    with pytest.raises(errors.Unknown):
        cloud.flows.attesters.find("host-1")


def test_retiring_again_changes_nothing(cloud, host):
    cloud.flows.attesters.retire(host.id, cloud.clock())
    before = cloud.flows.attesters.find(host.id)
    cloud.flows.attesters.retire(host.id, cloud.tick(days=1))
    assert cloud.flows.attesters.find(host.id) == before
    assert len(states(cloud)) == 3


@pytest.mark.parametrize("change", [
    lambda flow, name, now: flow.approve(name, now),
    lambda flow, name, now: flow.label(name, {"a": "b"}, now)])
def test_i8_a_retired_attester_stays_retired(cloud, host, change):
    cloud.flows.attesters.retire(host.id, cloud.clock())
    with pytest.raises(errors.Forbidden) as refused:
        change(cloud.flows.attesters, host.id, cloud.clock())
    assert refused.value.code is Code.ATTESTER_RETIRED


def test_after_retirement_the_host_enrols_anew(cloud, host):
    cloud.flows.attesters.retire(host.id, cloud.clock())
    old = host.id
    host.enrol()
    assert host.id != old
    assert host.attest()[0].result.tier is TrustTier.AFFIRMING


def test_list_finds_by_state_and_host(cloud, host):
    cloud.host("host-2", enrol=False).enrol(approve=False)
    listed = cloud.flows.attesters.list
    assert [a.host for a in listed(r.Page(9))] == ["host-1", "host-2"]
    assert [a.host for a in listed(r.Page(9, filters={
        "state": PENDING}))] == ["host-2"]
    assert [a.host for a in listed(r.Page(9, filters={
        "host": "host-1"}))] == ["host-1"]


def test_evidence_that_is_kept(cloud, host):
    for _ in range(cloud.settings.kept_evidence + 1):
        host.attest()
        cloud.tick(seconds=cloud.settings.keep_interval.total_seconds())
    kept = cloud.flows.attesters.evidence("host-1")
    assert len(kept) == cloud.settings.kept_evidence
    assert cloud.flows.attesters.evidence_of("host-1", kept[1].id) == kept[1]
    with pytest.raises(errors.Unknown):
        cloud.flows.attesters.evidence_of("host-1", "other")


def test_attest_now(cloud, host):
    cloud.agents.asked.clear()
    cloud.flows.attesters.attest_now(host.id)
    cloud.flows.attesters.attest_now(None)
    assert cloud.agents.asked == ["host-1", None]
    with pytest.raises(errors.Unknown):
        cloud.flows.attesters.attest_now("host-9")
    cloud.agents.down = True
    with pytest.raises(errors.Unavailable):
        cloud.flows.attesters.attest_now(None)
