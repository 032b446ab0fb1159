# SPDX-License-Identifier: Apache-2.0
"""ATTACKS A, B and C, on what is known of a host already.

A host that was good and is not any more must not live on its old result: its
own TPM says so.  And nobody but its TPM can take that result from it.
"""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.digests import PcrBank
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes import logs

AFFIRMING, CONTRAINDICATED, NONE = (
    TrustTier.AFFIRMING, TrustTier.CONTRAINDICATED, TrustTier.NONE)
BOOT_LOG = logs.secure_log()
LOG = BOOT_LOG.dump()


@pytest.fixture
def host(cloud):
    """A host that is affirming, with both of its logs."""
    made = cloud.host()
    made.tpm.values.update(BOOT_LOG.registers())
    made.measure("/bin/good", b"good")
    made.attest(boot_log=LOG)
    assert tier(cloud) is AFFIRMING
    return made


def latest(cloud):
    (stored,) = cloud.flows.results.latest(r.Page(9))
    return stored


def tier(cloud):
    return latest(cloud).result.tier


def extended(host):
    """Somebody extends a register past the boot log."""
    host.tpm.extend(4, b"\1" * 32)
    return {"boot_log": LOG}


def hidden(host):
    """Somebody runs a file, and takes it out of the list."""
    host.measure("/bin/evil", b"evil")
    del host.ima.entries[-1]
    return {"boot_log": LOG}


def garbled(host):
    """Somebody sends a log that nobody can read, to hide behind that."""
    host.tpm.extend(4, b"\1" * 32)
    return {"boot_log": b"\xff" * 100}


STATES = pytest.mark.parametrize(("change", "code", "becomes"), [
    (extended, Code.EVIDENCE_UNAUTHENTIC, CONTRAINDICATED),
    (hidden, Code.EVIDENCE_UNAUTHENTIC, CONTRAINDICATED),
    (garbled, Code.EVIDENCE_MALFORMED, NONE)],
    ids=lambda value: getattr(value, "__name__", ""))


@STATES
def test_c7_registers_that_the_logs_do_not_explain_end_the_yes(
        cloud, host, change, code, becomes):
    lies = change(host)
    with pytest.raises(errors.EvidenceError) as refused:
        host.attest(**lies)
    assert refused.value.code is code
    assert tier(cloud) is becomes
    finding, = latest(cloud).result.findings
    assert finding.detail == str(refused.value)
    # At once, and everybody is told.
    assert cloud.placement.traits == {"host-1": set()}
    told = cloud.events()[-1].payload
    assert (told["previous"], told["tier"]) == ("affirming", becomes.label)
    assert told["reasons"] == [str(refused.value)]


@STATES
def test_c7_a_release_that_is_asked_from_such_a_state_ends_the_yes(
        cloud, host, change, code, becomes):
    lies = change(host)
    asked = host.ask()
    with pytest.raises(errors.EvidenceError) as refused:
        asked.answer(**lies)
    assert refused.value.code is code
    assert asked.kept.state is r.ReleaseState.REFUSED
    assert asked.kept.code == str(code)
    assert tier(cloud) is becomes
    assert cloud.placement.traits == {"host-1": set()}


def test_c7_after_a_measured_boot_the_host_is_good_again(cloud, host):
    with pytest.raises(errors.UnauthenticEvidence):
        host.attest(**extended(host))
    host.reboot(BOOT_LOG.registers())
    host.attest(boot_log=LOG)
    assert tier(cloud) is AFFIRMING
    assert cloud.placement.traits == {"host-1": {"gold"}}


def test_c7_refused_evidence_is_nothing_to_make_a_profile_of(cloud, host):
    before = cloud.flows.attesters.evidence(host.id)
    with pytest.raises(errors.UnauthenticEvidence):
        host.attest(**extended(host))
    assert cloud.flows.attesters.evidence(host.id) == before


def test_c13_after_a_hidden_file_the_whole_list_is_asked_for(cloud, host):
    with pytest.raises(errors.UnauthenticEvidence):
        host.attest(**hidden(host))
    assert host.challenge().ima_offset == 0


def flipped(evidence):
    return dataclasses.replace(evidence, signature=bytes(
        [*evidence.signature[:-1], evidence.signature[-1] ^ 1]))


def other_registers(evidence):
    return dataclasses.replace(evidence, pcrs=PcrBank(
        evidence.pcrs.alg, {**evidence.pcrs.values, 4: b"\1" * 32}))


def other_nonce(evidence):
    return dataclasses.replace(evidence, nonce=b"n" * 32)


def rewound(evidence):
    return dataclasses.replace(evidence,
                               ima_offset=evidence.ima_offset + 1)


@pytest.mark.parametrize("lie", [
    flipped, other_registers, other_nonce, rewound])
@pytest.mark.parametrize("logs_too", [False, True])
def test_a1_a8_b1_nobody_but_its_tpm_takes_the_yes_from_a_host(
        cloud, host, lie, logs_too):
    before = latest(cloud)
    evidence = lie(host.evidence(host.challenge(), boot_log=LOG))
    if logs_too:
        evidence = dataclasses.replace(evidence, boot_log=b"\xff" * 100,
                                       ima_log=b"\xff" * 100)
    with pytest.raises(errors.EvidenceError):
        cloud.flows.attest(evidence, host.user_id, cloud.clock())
    assert latest(cloud) == before
    assert cloud.placement.traits == {"host-1": {"gold"}}


def test_a2_quote_of_another_tpm_takes_nothing(cloud, host):
    other = cloud.host("host-2")
    before = latest_of(cloud, "host-1")
    challenge = host.challenge()
    evidence = dataclasses.replace(
        other.evidence(challenge, boot_log=b"\xff" * 100),
        attester_id=host.id)
    with pytest.raises(errors.UnauthenticEvidence):
        cloud.flows.attest(evidence, host.user_id, cloud.clock())
    assert latest_of(cloud, "host-1") == before


def latest_of(cloud, name):
    return cloud.flows.results.latest(r.Page(9, filters={"host": name}))


def test_b1_such_evidence_sent_again_takes_nothing(cloud, host):
    challenge = host.challenge()
    bad = host.evidence(challenge, **extended(host))
    with pytest.raises(errors.UnauthenticEvidence):
        cloud.flows.attest(bad, host.user_id, cloud.clock())
    host.reboot(BOOT_LOG.registers())
    host.attest(boot_log=LOG)
    with pytest.raises(errors.StaleEvidence):
        cloud.flows.attest(bad, host.user_id, cloud.clock())
    assert tier(cloud) is AFFIRMING


def test_b7_such_evidence_of_the_boot_before_takes_nothing(cloud, host):
    bad = host.evidence(host.challenge(), **extended(host))
    host.reboot(BOOT_LOG.registers())
    host.attest(boot_log=LOG)
    with pytest.raises(errors.UnauthenticEvidence):
        cloud.flows.attest(bad, host.user_id, cloud.clock())
    assert tier(cloud) is AFFIRMING


def test_b1_older_evidence_that_was_held_back_gives_no_yes_again(
        cloud, host):
    held = host.evidence(host.challenge(), boot_log=LOG,
                         ima_log=host.ima.dump(), ima_offset=0)
    with pytest.raises(errors.UnauthenticEvidence):
        host.attest(**extended(host))
    cloud.flows.attest(held, host.user_id, cloud.tick(seconds=1))
    assert tier(cloud) is CONTRAINDICATED
    assert cloud.placement.traits == {"host-1": set()}


def test_i1_another_user_takes_nothing(cloud, host):
    before = latest(cloud)
    evidence = host.evidence(host.challenge(), **extended(host))
    with pytest.raises(errors.Forbidden):
        cloud.flows.attest(evidence, "mallory", cloud.clock())
    assert latest(cloud) == before
