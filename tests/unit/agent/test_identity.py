# SPDX-License-Identifier: Apache-2.0
"""A host enrols once, and survives a crash at every step."""

from __future__ import annotations

import pytest

from nova_trusted_launch.agent.state import StateError
from nova_trusted_launch.agent.tpm import TpmError
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire.codes import Code


class Crash(BaseException):
    """The process is gone."""


def crash(_answer):
    raise Crash


def test_enrolled_once_and_remembered(host):
    first = host.identities.ensure()
    assert host.identities.ensure() is first
    host.restart()
    assert host.identities.current() == first
    assert host.identities.ensure() == first
    assert host.service.calls == ["attester_enrol", "attester_activate"]


def test_before_enrolment_we_are_nobody(host):
    assert host.identities.current() is None


@pytest.mark.parametrize("step", ["attester_enrol", "attester_activate"])
def test_crash_during_enrolment_ends_in_one_attester(host, step):
    host.service.lies[step] = crash
    with pytest.raises(Crash):
        host.identities.ensure()
    host.service.lies.clear()
    host.restart()
    assert host.identities.ensure().attester_id == "attester-0"
    assert len(host.service.attesters) == 1


def test_crash_before_the_name_is_written_down(host, monkeypatch):
    save = host.state.save

    def only_the_first(identity):
        if identity.attester_id:
            raise Crash
        save(identity)

    monkeypatch.setattr(host.state, "save", only_the_first)
    with pytest.raises(Crash):
        host.identities.ensure()
    monkeypatch.undo()
    host.restart()
    assert host.identities.ensure().attester_id == "attester-0"
    assert len(host.service.attesters) == 1


def test_d6_host_name_of_another_tpm_stays_taken(host, tmp_path):
    host.identities.ensure()
    host.tpm.replace()
    host.state.forget()
    host.restart()
    with pytest.raises(Refused) as refused:
        host.identities.ensure()
    assert refused.value.code == Code.ATTESTER_TAKEN


def test_tpm_replaced_under_a_known_host_enrols_again(host):
    old = host.identities.ensure()
    host.tpm.replace()
    host.restart()
    with pytest.raises(Refused):
        host.identities.ensure()
    host.service.attesters[old.attester_id].state = "retired"
    assert host.identities.ensure().attester_id == "attester-1"


def test_d9_renamed_host_is_nobody_until_the_old_name_is_retired(host):
    old = host.identities.ensure()
    host.name = "compute-2"
    host.restart()
    assert host.identities.current() is None
    assert host.identities.ensure().attester_id != old.attester_id


def test_unknown_attester_is_forgotten_and_no_other(host):
    known = host.identities.ensure()
    host.identities.forget("somebody else")
    assert host.identities.current() == known
    host.identities.forget(known.attester_id)
    assert host.state.load() is None
    host.service.attesters.clear()
    assert host.identities.ensure().unique != known.unique


def test_refused_enrolment_is_tried_again_with_the_same_key(host):
    host.service.lies["attester_enrol"] = lambda _: (_ for _ in ()).throw(
        Unavailable("down"))
    for _ in range(2):
        with pytest.raises(Unavailable):
            host.identities.ensure()
    begun = host.state.load()
    host.service.lies.clear()
    assert host.identities.ensure().unique == begun.unique


def test_broken_tpm_is_not_taken_for_another(host):
    known = host.identities.ensure()
    host.restart()
    host.tpm.broken = True
    with pytest.raises(TpmError):
        host.identities.ensure()
    assert host.state.load() == known


def test_boot_is_noted_and_a_full_disk_does_not_matter(host, monkeypatch):
    known = host.identities.ensure()

    def full(_identity):
        raise StateError("no space left")

    monkeypatch.setattr(host.state, "save", full)
    host.identities.accepted(known, 4)
    assert host.identities.current().reset_count == 4
    host.identities.accepted(known, 5)
    assert host.identities.current().reset_count == 4
