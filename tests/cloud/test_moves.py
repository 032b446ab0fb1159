# SPDX-License-Identifier: Apache-2.0
"""Servers that move: each host that starts one was released for it first,
and what crosses the network is encrypted."""

from __future__ import annotations

import contextlib

import pytest
from openstack import exceptions

from tests.cloud import cable
from tests.cloud.conftest import PROFILE, launched
from tools.cloud import lab, plaintext

BIGGER = "e2e.bigger"


@pytest.fixture(scope="module")
def mover(cloud):
    """A server whose guest has read its disk and knows a nonce."""
    server = launched(cloud, "mover").server
    yield server
    cloud.admin.remove(server.id)


@pytest.fixture
def at(cloud, mover):
    """Where it runs now, and the other host."""
    server = cloud.admin.server(mover.id)
    assert server.status == "ACTIVE", cloud.why(server)
    here = server.compute_host
    return here, next(host for host in lab.HOSTS if host != here)


def guests(host):
    return lab.in_host(host, "virsh", "-q", "list", "--all", "--uuid")


def instance_of(host, mover):
    return lab.place(host, "var", "lib", "nova", "instances", mover.id)


def came_to(cloud, mover, host, action="migrate-in"):
    """It runs there by a release for that host, and nowhere else."""
    server = cloud.admin.server(mover.id)
    assert (server.status, server.compute_host) == ("ACTIVE", host), (
        cloud.why(server))
    newest = cloud.releases(mover, action)[0]
    assert (newest["state"], newest["host"]) == ("granted", host)
    assert mover.id in guests(host)
    for other in set(lab.HOSTS) - {host}:
        assert mover.id not in guests(other)
        assert not instance_of(other, mover).exists()
    # A host that came back is starting its other servers perhaps.
    for each in lab.HOSTS:
        lab.wait(f"{each} has forgotten all secrets", lambda each=each: not (
            lab.in_host(each, "virsh", "-q", "secret-list").strip()))
    assert not plaintext.files_with(cloud.marker, plaintext.storage())


def moved(cloud, mover, *statuses):
    return cloud.admin.settled(mover.id, *statuses, "ERROR")


def test_resize_moves_ciphertext_and_is_confirmed(cloud, mover, at):
    here, there = at
    if cloud.admin.compute.find_flavor(BIGGER) is None:
        made = cloud.admin.compute.create_flavor(
            name=BIGGER, vcpus=1, ram=160, disk=2)
        cloud.admin.compute.create_flavor_extra_specs(
            made, {"trusted_launch:profile": PROFILE})
    with cable.listening(there) as streams:
        cloud.admin.compute.resize_server(
            mover, cloud.admin.flavor(BIGGER))
        server = moved(cloud, mover, "VERIFY_RESIZE")
    assert server.status == "VERIFY_RESIZE", cloud.why(server)
    assert any(b"SSH-2.0" in s for s in streams.values()), "no disk was copied"
    assert not any(cloud.marker.encode() in s for s in streams.values())
    cloud.admin.compute.confirm_server_resize(mover)
    moved(cloud, mover, "ACTIVE")
    came_to(cloud, mover, there)


def test_cold_migration_is_reverted(cloud, mover, at):
    here, there = at
    cloud.admin.compute.migrate_server(mover)
    server = moved(cloud, mover, "VERIFY_RESIZE")
    assert server.compute_host == there, cloud.why(server)
    cloud.admin.compute.revert_server_resize(mover)
    moved(cloud, mover, "ACTIVE")
    came_to(cloud, mover, here)


def test_live_migration_is_released_first_and_crosses_under_tls(
        cloud, mover, at):
    here, there = at
    before = cloud.admin.server(mover.id).launched_at
    with cable.listening(there) as streams:
        live(cloud, mover, there)
        server = moved(cloud, mover, "ACTIVE")
    came_to(cloud, mover, there)
    assert server.launched_at == before, "the guest was started anew"
    # What libvirt says to libvirt is in the clear, what QEMU says is not.
    assert any(mover.id.encode() in s for s in streams.values())
    assert sum(map(len, streams.values())) > 2 ** 20, "no memory was moved"
    assert not any(cloud.marker.encode() in s for s in streams.values())
    # It goes on, and starts again, with the key that it was released.
    cloud.started_again(mover, "reboot", lambda: cloud.admin.compute
                        .reboot_server(mover, "HARD"))
    cloud.admin.ready(mover.id)


def live(cloud, mover, host, **more):
    cloud.admin.compute.live_migrate_server(
        mover, host=host, block_migration="auto", **more)


def test_every_move_has_its_receipt(cloud, mover):
    granted = [r for r in cloud.releases(mover) if r["state"] == "granted"]
    receipts = cloud.admin.trusted.receipts_list(instance_id=mover.id)
    assert {r["log_index"] for r in granted} == {
        r["index"] for r in receipts}


def test_host_that_died_is_evacuated_to_a_trusted_one(cloud, mover, at):
    here, there = at
    admin = cloud.admin
    (service,) = admin.compute.services(binary="nova-compute", host=here)
    lab.tool("stop", f"host@{here}")
    admin.compute.update_service_forced_down(service, forced=True)
    try:
        cloud.started_again(mover, "evacuate", lambda: (
            admin.compute.evacuate_server(mover)))
        # Nova starts it and stops it: its owner says when it goes on.
        moved(cloud, mover, "SHUTOFF")
        cloud.started_again(mover, "power-on", lambda: (
            admin.compute.start_server(mover)))
        admin.ready(mover.id)
    finally:
        lab.tool("reboot", here)
        lab.wait(f"{here} has let go of it", lambda: not instance_of(
            here, mover).exists())
        lab.wait(f"{here} is back", lambda: back(cloud, service))
    lab.attested(admin, here, PROFILE)
    came_to(cloud, mover, there, "evacuate")


def back(cloud, service):
    """Nova takes a host back when it has told what became of its servers."""
    with contextlib.suppress(exceptions.BadRequestException):
        cloud.admin.compute.update_service_forced_down(service, forced=False)
    (now,) = cloud.admin.compute.services(
        binary="nova-compute", host=service.host)
    return now.state == "up" and not now.is_forced_down


def test_g3_tainted_destination_is_not_chosen(cloud, mover, at, taint):
    here, there = at
    taint(there)
    cloud.admin.trusted.attester_attest(there)
    lab.wait(f"{there} is contraindicated", lambda: lab.tier(
        cloud.admin, there, PROFILE)["tier"] == "contraindicated")
    for move in (lambda: live(cloud, mover, there),
                 lambda: cloud.admin.compute.migrate_server(mover)):
        with contextlib.suppress(exceptions.BadRequestException):
            move()
        stayed(cloud, mover, here, there)


def test_g3_tainted_destination_gets_no_memory_however_it_was_asked(
        cloud, mover, at, taint):
    here, there = at
    taint(there)
    with cable.listening(there) as streams:
        live(cloud, mover, there, force=True)
        lab.wait("the destination is refused", lambda: cloud.releases(
            mover, "migrate-in")[0]["state"] == "refused")
        stayed(cloud, mover, here, there)
    assert sum(map(len, streams.values())) < 2 ** 20, "memory was moved"


def stayed(cloud, mover, here, there):
    """It runs where it ran, and there is nothing of it elsewhere."""
    server = moved(cloud, mover, "ACTIVE")
    assert (server.status, server.compute_host) == ("ACTIVE", here)
    assert mover.id in guests(here)
    assert mover.id not in guests(there)
    assert not instance_of(there, mover).exists()
