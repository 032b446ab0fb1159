# SPDX-License-Identifier: Apache-2.0
"""The ``openstack`` program itself, with the plugin installed."""

from __future__ import annotations

import json

import pytest

from tests.fixtures.installed import Installed
from tests.fixtures.keystone import Keystone
from tests.fixtures.osc import entry_points

OPENSTACK = "openstackclient.shell"


@pytest.fixture
def installed(tmp_path):
    return Installed(tmp_path)


@pytest.fixture
def keystone():
    """A cloud whose catalogue has no attestation service."""
    with Keystone() as made:
        yield made


def test_completion_knows_every_command(installed):
    done = installed.run(OPENSTACK, "complete")
    assert done.returncode == 0, done.stderr
    for name in entry_points():
        *before, last = name.split("_")
        found = f"cmds_{'_'.join(before)}='"
        assert found in done.stdout
        line = done.stdout.split(found)[1].split("'")[0]
        assert last in line.split(), name


def test_absent_service_is_said_and_what_to_do(installed, keystone):
    done = installed.run(OPENSTACK, "trusted", "host", "list",
                         **keystone.environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "the cloud's catalogue has no host-attestation" in done.stderr
    assert "ask the operator" in done.stderr
    assert "Traceback" not in done.stderr


def test_absent_service_leaves_the_rest_alone(installed, keystone):
    done = installed.run(OPENSTACK, "catalog", "list", "-f", "json",
                         **keystone.environment)
    assert done.returncode == 0, done.stderr
    assert [s["Type"] for s in json.loads(done.stdout)] == ["identity"]


def test_wrong_usage_is_2(installed, keystone):
    done = installed.run(OPENSTACK, "trusted", "host", "show",
                         **keystone.environment)
    assert done.returncode == 2
    assert "<host>" in done.stderr
