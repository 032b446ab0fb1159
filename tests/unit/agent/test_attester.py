# SPDX-License-Identifier: Apache-2.0
"""Evidence answers the challenge it is for, and sends what is new."""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib

import pytest

from nova_trusted_launch.agent.attester import lifetime
from nova_trusted_launch.agent.tpm import TpmError
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire.challenge import Purpose
from nova_trusted_launch.wire.codes import Code


def test_attests(host):
    assert host.attester.attest() == ["a.e30.c"]
    (evidence,) = host.service.evidence
    assert evidence.boot_log is None
    assert host.tpm.urgent == [False]


def test_logs_are_sent(host):
    pathlib.Path(host.logs.boot_path).write_bytes(b"boot")
    pathlib.Path(host.logs.ima_path).write_bytes(b"list")
    host.attester.attest()
    (evidence,) = host.service.evidence
    assert (evidence.boot_log, evidence.ima_log, evidence.ima_offset) == (
        b"boot", b"list", 0)


def offsets(host, size: int) -> list[int]:
    pathlib.Path(host.logs.ima_path).write_bytes(bytes(size))
    host.attester.attest()
    for known in host.service.attesters.values():
        known.ima_offset = size
    return [e.ima_offset for e in host.service.evidence]


def test_list_is_sent_from_where_the_service_is(host):
    assert offsets(host, 100) == [0]
    assert offsets(host, 120) == [0, 100]
    assert [len(e.ima_log) for e in host.service.evidence] == [100, 20]


def test_list_goes_on_after_a_restart_of_the_agent(host):
    offsets(host, 100)
    host.restart()
    assert offsets(host, 120) == [0, 100]


def test_list_is_sent_whole_after_a_reboot_even_if_longer(host):
    offsets(host, 100)
    host.tpm.chip.reboot()
    assert offsets(host, 300) == [0, 0]
    assert offsets(host, 310) == [0, 0, 300]


@pytest.mark.parametrize("change", [
    {"attester_id": "somebody"}, {"purpose": Purpose.RELEASE}])
def test_b5_challenge_for_something_else_is_not_answered(host, change):
    host.service.lies["challenge_create"] = lambda challenge: (
        dataclasses.replace(challenge, **change))
    with pytest.raises(Unavailable, match="not for us"):
        host.attester.attest()
    assert host.service.evidence == []


def test_attester_unknown_to_the_service_enrols_again(host):
    host.attester.attest()
    host.service.attesters.clear()
    with pytest.raises(Refused):
        host.attester.attest()
    host.attester.attest()
    assert list(host.service.attesters) == ["attester-0"]


@pytest.mark.parametrize("state, code", [
    ("pending", Code.ATTESTER_PENDING), ("retired", Code.ATTESTER_RETIRED)])
def test_attester_that_is_not_approved_stays_who_it_is(host, state, code):
    known = host.identities.ensure()
    host.service.attesters[known.attester_id].state = state
    with pytest.raises(Refused) as refused:
        host.attester.attest()
    assert refused.value.code == code
    assert host.identities.current() == known


def test_broken_tpm_sends_nothing(host):
    host.attester.attest()
    host.tpm.broken = True
    with pytest.raises(TpmError):
        host.attester.attest()
    assert len(host.service.evidence) == 1


def jwt(claims) -> str:
    return "h." + base64.urlsafe_b64encode(
        json.dumps(claims).encode()).decode().rstrip("=") + ".s"


def test_lifetime_is_that_of_the_shortest_result():
    assert lifetime([jwt({"exp": 500}), jwt({"exp": 130})], 100) == 30
    assert lifetime([jwt({"exp": 50})], 100) == 0


@pytest.mark.parametrize("results", [
    [], ["x"], ["a.b"], ["a.!.c"], [jwt([])], [jwt({"exp": "soon"})]])
def test_unreadable_results_have_no_lifetime(results):
    assert lifetime(results, 0) is None
