# SPDX-License-Identifier: Apache-2.0
"""Every later start of a trusted server has a release of its own."""

from __future__ import annotations

import base64

import pytest

from tools.cloud import lab, plaintext


def _start(cloud, server):
    return lambda: cloud.admin.compute.start_server(server.id)


def test_g7_metadata_removed_after_boot_changes_nothing(cloud, power):
    cloud.admin.compute.delete_server_metadata(
        power.server, ["trusted_launch_token"])
    cloud.stopped(power.server)
    again = cloud.started_again(
        power.server, "power-on", _start(cloud, power.server))
    assert again.status == "ACTIVE", cloud.why(again)


def test_hard_reboot(cloud, power):
    again = cloud.started_again(
        power.server, "reboot",
        lambda: cloud.admin.compute.reboot_server(power.server, "HARD"))
    assert again.status == "ACTIVE", cloud.why(again)


def test_rebuild(cloud, server_of):
    server = server_of("rebuilt")
    assert server.status == "ACTIVE", cloud.why(server)
    again = cloud.started_again(
        server, "rebuild", lambda: cloud.admin.compute.rebuild_server(
            server, image=cloud.image.id))
    assert again.status == "ACTIVE", cloud.why(again)


def test_config_drive_is_in_memory_only(cloud, power):
    nonce = base64.urlsafe_b64encode(power.nonce).rstrip(b"=").decode()
    # The guest tells its console, so the console's log has it.
    assert [f for f in plaintext.files_with(nonce, plaintext.storage())
            if not f.endswith("console.log")] == []


def test_host_boots_again_and_its_guest_resumes(cloud, power):
    again = cloud.started_again(
        power.server, "auto-resume", lambda: lab.tool("reboot", power.host))
    lab.wait("the guest runs again", lambda: power.server.id in lab.in_host(
        power.host, "virsh", "-q", "list", "--uuid"))
    assert again.status == "ACTIVE", cloud.why(again)


@pytest.mark.parametrize("action", ["suspend", "create-image"])
def test_what_would_write_plaintext_is_refused(cloud, power, action):
    if action == "suspend":
        cloud.admin.compute.suspend_server(power.server)
        cloud.admin.settled(power.server.id)
    else:
        cloud.admin.compute.create_server_image(
            power.server.id, "e2e-snapshot")
        lab.wait("the snapshot is refused", lambda: not [
            i for i in cloud.admin.conn.image.images(name="e2e-snapshot")
            if i.status == "active"] and cloud.admin.server(
                power.server.id).task_state is None)
    assert cloud.admin.server(power.server.id).status == "ACTIVE"
    assert plaintext.files_with(cloud.marker, plaintext.storage()) == []
