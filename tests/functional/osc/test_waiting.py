# SPDX-License-Identifier: Apache-2.0
"""``--wait``: until it is so, can not be so, or takes too long."""

from __future__ import annotations

import uuid

import pytest
from openstack.compute.v2.server import Server
from osc_lib import exceptions

from nova_trusted_launch.client.api import TrustedLaunchClient
from tests.fixtures.host import good
from tests.fixtures.osc import Shell


class Servers:
    """Nova's side of the SDK; each look lets something happen."""

    def __init__(self, happens=lambda server: None):
        self._happens = happens

    def find_server(self, name, *, ignore_missing):
        self._happens(name)
        return Server(id=name, project_id="p1", image="")


@pytest.fixture
def obedient(service, host):
    """A host whose agent does at once what the bus asks of it."""
    def attest_now(asked):
        service.clock.tick(seconds=1)
        host.attest()
    service.agents.attest_now = attest_now
    host.attest()
    return host


@pytest.mark.parametrize("line", ["host-1", ""])
def test_attesting_waits_for_new_results(obedient, admin, line):
    before = admin("trusted host history host-1 -f json").json
    assert admin(f"trusted host attest --wait {line}").status == 0
    after = admin("trusted host history host-1 -f json").json
    assert len(after) == len(before) + 1


def test_attesting_does_not_wait_for_ever(host, admin, capsys):
    host.attest()
    with pytest.raises(exceptions.CommandError, match="host-1: not within"):
        admin("trusted host attest --wait --timeout 0 host-1")


def test_waiting_is_told_in_lines_where_nobody_watches(host, admin, capsys):
    host.attest()
    with pytest.raises(exceptions.CommandError):
        admin("trusted host attest --wait --timeout 0.2 host-1")
    assert capsys.readouterr().err == (
        "waiting for new results of host-1 ... 0 s\n")


def shell(service, servers):
    return Shell(TrustedLaunchClient(service.adapter("member")),
                 compute=servers)


def request(service, host):
    """A launch of alice's, that Nova places on the host."""
    token = service.ask("member", "POST", "/v1/launches",
                        {"profile": "baseline"})
    made = host.request(launch_id=good(token, 201)["launch"]["id"])
    service.nova.place(made.instance_id, host.name)
    return made


def test_verifying_waits_for_the_first_receipt(service, host):
    made = request(service, host)
    outcome = shell(service, Servers(lambda _: good(host.release(made))))(
        f"trusted server verify --wait {made.instance_id}")
    assert outcome.err.startswith("VERIFIED")


def test_verifying_ends_when_the_release_is_refused(service, host):
    made = request(service, host)
    service.nova.place(made.instance_id, "host-2")
    assert host.release(made).status_code == 403
    with pytest.raises(exceptions.CommandError) as caught:
        shell(service, Servers())(
            f"trusted server verify --wait {made.instance_id}")
    assert str(caught.value).startswith("release.wrong_place: ")
    assert str(caught.value).endswith("retry after the move.")


def test_verifying_does_not_wait_for_ever(service, host):
    with pytest.raises(exceptions.CommandError, match="not within 0 s"):
        shell(service, Servers())(
            f"trusted server verify --wait --timeout 0 {uuid.uuid4()}")
