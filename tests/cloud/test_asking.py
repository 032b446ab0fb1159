# SPDX-License-Identifier: Apache-2.0
"""Each way to ask for a trusted launch, alone, with the tools people use."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.cloud.conftest import PLAIN, PROFILE, TRUSTED
from tools.cloud import lab


@pytest.fixture
def property_image(cloud):
    """Plain images whose property alone asks for a profile."""
    made = []

    def make(**properties):
        made.append(cloud.admin.upload("e2e-property", lab.PLAIN_DISK,
                                       properties))
        return made[-1]

    yield make
    for image in made:
        cloud.admin.conn.image.delete_image(image, ignore_missing=True)


def trusted(cloud, server):
    """Say that a server runs, released, from a disk that is encrypted."""
    assert server.status == "ACTIVE", cloud.why(server)
    (release,) = cloud.releases(server, "spawn")
    assert release["state"] == "granted"
    disk = lab.place(server.compute_host, "var", "lib", "nova", "instances",
                     server.id, "disk")
    return disk.read_bytes()[32:36] == b"\0\0\0\2"


def test_hint_alone(cloud, server_of):
    server = server_of("hint", cloud.plain, PLAIN,
                       scheduler_hints={"trusted_launch": PROFILE})
    assert trusted(cloud, server)
    assert cloud.admin.trusted.instance_show(server.id)["profiles"] == [
        PROFILE]


def test_token_by_hint_alone(cloud, server_of):
    token = cloud.admin.trusted.launch_create(PROFILE)
    server = server_of("token-hint", cloud.plain, PLAIN, scheduler_hints={
        "trusted_launch_token": token["id"]})
    assert trusted(cloud, server)
    assert cloud.admin.nonce(server.id) == token["nonce"]


def test_image_property_alone(cloud, server_of, property_image):
    server = server_of("property", property_image(
        trusted_launch_profile=PROFILE), PLAIN)
    assert trusted(cloud, server)


def test_required_trait_alone_names_no_profile_and_starts_nothing(
        cloud, server_of, property_image):
    """It asks for trust all the same, and says so."""
    server = server_of("trait-only", property_image(
        **{"trait:CUSTOM_TRUSTED_LAUNCH_E2E": "required"}), PLAIN)
    assert server.status == "ERROR"
    assert "release.no_profile" in cloud.why(server)


def test_hint_and_property_that_disagree_start_nothing(
        cloud, server_of, property_image):
    server = server_of(
        "disagree", property_image(trusted_launch_profile=PROFILE), PLAIN,
        scheduler_hints={"trusted_launch": "another"})
    assert server.status == "ERROR"
    assert cloud.releases(server) == []


@pytest.mark.parametrize("command", [
    ["nova", "boot", "--flavor", TRUSTED, "--image", "e2e-encrypted",
     "--nic", "none", "e2e-command"],
    ["openstack", "server", "create", "--flavor", TRUSTED, "--image",
     "e2e-encrypted", "--nic", "none", "e2e-command"],
    ["openstack", "server", "create", "--flavor", PLAIN, "--image",
     "e2e-encrypted", "--nic", "none", "--hint",
     f"trusted_launch={PROFILE}", "e2e-command"],
    ["nova", "boot", "--flavor", PLAIN, "--image", "e2e-encrypted",
     "--nic", "none", "--hint", f"trusted_launch={PROFILE}", "e2e-command"],
], ids=["nova", "openstack", "openstack-hint", "nova-hint"])
def test_smoke_commands(cloud, command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False,
                          env=os.environ)
    try:
        assert done.returncode == 0, done.stdout
        found = cloud.admin.compute.find_server("e2e-command")
        assert trusted(cloud, cloud.admin.settled(found.id))
    finally:
        cloud.admin.remove("e2e-command")
