# SPDX-License-Identifier: Apache-2.0
"""The DevStack plugin's last phases, by their real commands on this cloud."""

from __future__ import annotations

import configparser
import os
import pathlib
import shutil

import pytest
import yaml

from tests.devstack.conftest import Node
from tools.cloud import lab

HOST = lab.HOSTS[0]
PROFILE, FLAVOR = "e2e-devstack", "e2e.devstack"


@pytest.fixture
def node(cloud, tmp_path):
    """A node that is called like a host of this cloud, and asks it."""
    made = Node(tmp_path / "node", patience=300)
    made.answer("hostname", f"echo {HOST}")
    made.path("data/trusted-launch").mkdir()
    for command in ("openstack", "sleep"):
        made.lacks(command)
    made.path("bin/sleep").symlink_to(shutil.which("sleep"))
    script = made.path("bin/openstack")
    script.write_text(
        f'#!/bin/sh\nexec {shutil.which("openstack")} "$@"\n')
    script.chmod(0o755)
    clouds = yaml.safe_load(pathlib.Path(
        os.environ["OS_CLIENT_CONFIG_FILE"]).read_text())["clouds"]
    config = made.path("clouds.yaml")
    config.write_text(yaml.safe_dump(
        {"clouds": {"devstack-admin": clouds["admin"]}}))
    made.path("functions").write_text('sleep() { command sleep "$1"; }\n')
    made.settings.update({
        "OS_CLIENT_CONFIG_FILE": str(config),
        "FUNCTIONS": str(made.path("functions")),
        "TRUSTED_LAUNCH_PROFILE": PROFILE,
        "TRUSTED_LAUNCH_FLAVOR": FLAVOR,
        "TRUSTED_LAUNCH_FLAVOR_RAM": "128"})
    return made


def test_the_cloud_is_made_usable_once_however_often_it_is_stacked(
        cloud, node, server_of):
    for _ in range(2):
        done = node.run("stack", "extra")
        assert done.status == 0, done.said
    assert lab.tier(cloud.admin, HOST, PROFILE)["tier"] == "affirming"
    assert cloud.admin.trusted.profile_show(PROFILE)["active_version"] == 1
    server = server_of("devstack", cloud.plain, FLAVOR)
    assert server.status == "ACTIVE", cloud.why(server)
    receipts = cloud.admin.trusted.receipts_list(instance_id=server.id)
    assert len(receipts) == 1


def test_tempest_is_told_of_the_flavor(cloud, node):
    assert node.run("stack", "extra").status == 0
    done = node.run("stack", "test-config")
    assert done.status == 0, done.said
    told = configparser.ConfigParser()
    told.read(node.path("tempest.conf"))
    assert told["trusted_launch"]["flavor_ref"] == cloud.admin.flavor(FLAVOR)


def test_a_host_that_has_changed_stops_the_stack(cloud, node, taint):
    taint(HOST)
    cloud.admin.trusted.attester_attest(HOST)
    lab.wait(f"{HOST} is contraindicated", lambda: lab.tier(
        cloud.admin, HOST, PROFILE)["tier"] == "contraindicated")
    node.settings["TRUSTED_LAUNCH_WAIT"] = "5"
    done = node.run("stack", "extra")
    assert done.status != 0
    assert f"{HOST} does not satisfy {PROFILE}" in done.said
