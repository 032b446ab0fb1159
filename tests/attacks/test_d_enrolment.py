# SPDX-License-Identifier: Apache-2.0
"""D6 to D9, I8 in the flows: names and TPMs that are taken, and relays."""

from __future__ import annotations

import concurrent.futures

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.enrolment import activation_proof
from tests.fakes.cloud import Cloud, Host


@pytest.fixture
def cloud():
    made = Cloud()
    made.profile()
    return made


def taken(call):
    with pytest.raises(errors.Conflict) as caught:
        call()
    assert caught.value.code is Code.ATTESTER_TAKEN


def enrolled(cloud):
    return [(a.host, a.state) for a in cloud.flows.attesters.list(
        r.Page(99))]


def test_d6_taken_host_name_refused(cloud):
    host = cloud.host()
    other = cloud.host(enrol=False)
    taken(other.enrol)
    assert enrolled(cloud) == [("host-1", r.AttesterState.APPROVED)]
    host.attest()


def test_d6_host_name_of_a_pending_attester_refused(cloud):
    cloud.host(enrol=False).enrol(approve=False)
    taken(cloud.host(enrol=False).enrol)


def test_d6_enrolled_tpm_refused_under_its_own_name(cloud):
    taken(cloud.host().enrol)


def test_d8_one_tpm_under_two_names_refused(cloud):
    host = cloud.host()
    taken(Host(cloud, "host-2", host.tpm, "agents").enrol)


def test_d9_renamed_host_needs_a_new_enrolment(cloud):
    host = cloud.host()
    renamed = Host(cloud, "host-1-new", host.tpm, "agents")
    taken(renamed.enrol)
    cloud.flows.attesters.retire(host.id, cloud.clock())
    renamed.enrol()
    assert renamed.attest()[0].result.host == "host-1-new"


def test_d9_a_renamed_hosts_releases_are_for_its_old_name(cloud):
    """Nova says the new name, the attester is still known by the old."""
    host = cloud.host()
    cloud.nova.place("vm-1", "host-1-new")
    with pytest.raises(errors.Forbidden) as caught:
        host.release(profile="gold")
    assert caught.value.code is Code.RELEASE_WRONG_PLACE


@pytest.mark.parametrize("same", ["host", "tpm"])
def test_d6_of_fifty_at_once_one_wins(same):
    cloud = Cloud(open_enrolments=50)
    first = cloud.host(enrol=False)
    asked = []
    for i in range(50):
        host = first if same == "tpm" else cloud.host(enrol=False)
        request = host.enrolment(claimed_host=f"host-{i}"
                                 if same == "tpm" else "host-1")
        challenge = cloud.flows.enrol.begin(request, "agents",
                                            cloud.clock())
        proof = activation_proof(host.tpm.activate_credential(
            challenge.id_object, challenge.secret), challenge.enrolment_id)
        asked.append((challenge.enrolment_id, proof))

    def activate(one):
        try:
            return cloud.flows.enrol.activate(*one, "agents", cloud.clock())
        except errors.Conflict as exc:
            return exc.code
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(activate, asked))
    assert outcomes.count(Code.ATTESTER_TAKEN) == 49
    assert len(enrolled(cloud)) == 1


def test_d7_quote_of_another_host_relayed_refused(cloud):
    """Host A's identity with host B's good state."""
    bad, good = cloud.host("host-a"), cloud.host("host-b")
    challenge = bad.challenge()
    relayed = good.evidence(challenge, attester_id=bad.id)
    with pytest.raises(errors.UnauthenticEvidence):
        cloud.flows.attest(relayed, "agents", cloud.clock())
    assert cloud.flows.results.latest(r.Page(9)) == []


def test_d7_quote_relayed_for_a_release_refused(cloud):
    bad, good = cloud.host("host-a"), cloud.host("host-b")
    cloud.nova.place("vm-1", "host-a")
    asked = bad.ask(profile="gold")
    relayed = good.evidence(
        asked.challenge, asked.request.binding(asked.challenge.nonce),
        attester_id=bad.id)
    with pytest.raises(errors.UnauthenticEvidence):
        cloud.flows.answer_release(asked.release.id, relayed, "agents",
                                   cloud.clock())
    assert cloud.store.tables.log.size() == 0


def test_d7_good_hosts_evidence_under_its_own_name_helps_nobody(cloud):
    bad, good = cloud.host("host-a"), cloud.host("host-b")
    evidence = good.evidence(bad.challenge())
    with pytest.raises(errors.StaleEvidence):
        cloud.flows.attest(evidence, "agents", cloud.clock())


def test_d7_ak_of_another_tpm_cannot_be_activated(cloud):
    bad, good = (cloud.host(name, enrol=False) for name in "ab")
    asked = cloud.flows.enrol.begin(
        bad.enrolment(ak_public=good.tpm.ak_public), "agents",
        cloud.clock())
    for tpm in (bad.tpm, good.tpm):
        with pytest.raises(Exception, match="0x1df"):
            tpm.activate_credential(asked.id_object, asked.secret)


def test_i8_retired_host_can_do_nothing_any_more(cloud):
    host = cloud.host()
    cloud.nova.place("vm-1", "host-1")
    evidence = host.evidence(host.challenge())
    asked = host.ask(profile="gold")
    cloud.flows.attesters.retire(host.id, cloud.clock())
    for call in (host.challenge, host.ask, asked.answer, lambda:
                 cloud.flows.attest(evidence, "agents", cloud.clock())):
        with pytest.raises(errors.Forbidden) as caught:
            call()
        assert caught.value.code is Code.ATTESTER_RETIRED
    assert cloud.store.tables.log.size() == 0
    assert cloud.flows.results.latest(r.Page(9)) == []


def test_i8_its_new_identity_does_not_revive_the_old(cloud):
    host = cloud.host()
    old = host.id
    cloud.flows.attesters.retire(old, cloud.clock())
    host.enrol()
    with pytest.raises(errors.Forbidden):
        cloud.flows.challenge(old, "agents", cloud.clock())
    host.attest()
