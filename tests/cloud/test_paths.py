# SPDX-License-Identifier: Apache-2.0
"""Everything else that Nova can do with a server: released again, or refused
before anything has been done, with the reason as the server's fault."""

from __future__ import annotations

import pytest

from tools.cloud import lab, plaintext

GLANCE = lab.CLOUD / "glance" / "images"


@pytest.fixture(scope="module")
def server(cloud):
    """A server for this module."""
    made = cloud.boot("paths")
    assert made.status == "ACTIVE", cloud.why(made)
    cloud.admin.ready(made.id)
    yield made
    cloud.admin.remove(made.id)


def runs(cloud, server):
    return server.id in lab.in_host(
        server.compute_host, "virsh", "-q", "list", "--uuid")


def fault(cloud, server):
    """The last fault of a server that did not come to harm."""
    events = cloud.admin.compute.server_actions(server)
    return " ".join(event["details"] or "" for action in events for event in
                    cloud.admin.compute.get_server_action(
                        action.request_id, server).events)


def test_pause_and_unpause_need_no_release(cloud, server):
    before = len(cloud.releases(server))
    cloud.admin.compute.pause_server(server)
    cloud.admin.settled(server.id, "PAUSED")
    cloud.admin.compute.unpause_server(server)
    cloud.admin.settled(server.id, "ACTIVE")
    assert len(cloud.releases(server)) == before


def test_soft_reboot(cloud, server):
    again = cloud.started_again(
        server, "reboot", lambda: cloud.admin.compute.reboot_server(
            server, "SOFT"))
    assert again.status == "ACTIVE", cloud.why(again)
    assert runs(cloud, server)


def test_g2_rescue_and_unrescue_by_its_own_image(cloud, server):
    cloud.admin.compute.rescue_server(server)
    cloud.admin.settled(server.id, "RESCUE", "ERROR")
    assert cloud.releases(server, "rescue")[0]["state"] == "granted"
    assert runs(cloud, server)
    assert not plaintext.files_with(cloud.marker, plaintext.storage())
    cloud.started_again(server, "unrescue", lambda:
                        cloud.admin.compute.unrescue_server(server))
    assert cloud.admin.settled(server.id).status == "ACTIVE"
    assert runs(cloud, server)
    assert not plaintext.files_with(cloud.marker, plaintext.storage())


@pytest.mark.parametrize("act", ["suspend", "create-image", "backup",
                                 "shelve"])
def test_f7_what_would_store_plaintext_leaves_it_running(
        cloud, server, act):
    before = {path.name for path in GLANCE.iterdir()}
    compute = cloud.admin.compute
    {"suspend": lambda: compute.suspend_server(server),
     "create-image": lambda: compute.create_server_image(
         server.id, "e2e-image"),
     "backup": lambda: compute.backup_server(
         server, "e2e-backup", "daily", 1),
     "shelve": lambda: compute.shelve_server(server)}[act]()
    again = cloud.admin.settled(server.id)
    assert again.status == "ACTIVE", cloud.why(again)
    assert runs(cloud, server), "the guest was stopped"
    # Nova itself forgets an image that it registered for shelving.
    lab.wait("the image is gone again, or empty", lambda: not [
        i for i in cloud.admin.conn.image.images()
        if i.name in {"e2e-image", "e2e-backup"}
        or i.name == "e2e-paths-shelved" and i.status != "queued"])
    assert {path.name for path in GLANCE.iterdir()} <= before
    assert not plaintext.files_with(cloud.marker, plaintext.storage())
    assert "path.refused" in fault(cloud, server)


def test_g2_rescue_by_another_image_is_refused(cloud, server_of):
    server = server_of("rescued")
    assert server.status == "ACTIVE", cloud.why(server)
    cloud.admin.compute.rescue_server(server, image_ref=cloud.plain.id)
    again = cloud.admin.settled(server.id)
    assert again.status != "RESCUE"
    assert not runs(cloud, server)
    assert not cloud.releases(server, "rescue")
    assert "only its own image may rescue it" in (
        cloud.admin.server(server.id).fault or {}).get(
            "message", "") + fault(cloud, server)
