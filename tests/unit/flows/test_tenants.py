# SPDX-License-Identifier: Apache-2.0
"""What belongs to a project: tokens, instances, releases, receipts."""

from __future__ import annotations

import datetime
import hashlib

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from tests.unit.flows.hiding import unknown


@pytest.mark.parametrize("make", [
    lambda cloud, profile: cloud.key(profile=profile),
    lambda cloud, profile: cloud.token(profile=profile)])
def test_profiles_must_be_in_force_for_the_project(cloud, make):
    cloud.profile("draft", activate=False)
    cloud.profile("theirs", projects=("p2",))
    cloud.profile("ours", projects=("p1", "p2"))
    for profile in ("nosuch", "draft", "theirs"):
        unknown(Code.PROFILE_UNKNOWN, make, cloud, profile)
    assert cloud.vault.secrets == {}
    make(cloud, "ours")


# Launch tokens.

def test_token_with_a_nonce_of_ours(cloud):
    launch, nonce = cloud.token(image_id="image-1", image_digest=b"d" * 32)
    assert launch == r.Launch(
        launch.id, "p1", "tenant", "gold", "image-1", b"d" * 32,
        launch.nonce_ref, hashlib.sha256(nonce).digest(), cloud.clock(),
        cloud.clock() + cloud.settings.launch_life)
    assert len(nonce) == 32
    material, context = cloud.vault.secrets[launch.nonce_ref]
    assert (material.secret, context) == (nonce, f"launch/{launch.id}")
    flow = cloud.flows.launches
    assert flow.show(launch.id, "p1") == flow.show(launch.id, None) == launch
    assert flow.list(r.Page(9, filters={"project_id": "p1"})) == [launch]
    unknown(Code.LAUNCH_UNKNOWN, flow.show, launch.id, "p2")


@pytest.mark.parametrize("size", [16, 32, 64])
def test_token_with_the_tenants_nonce(cloud, size):
    launch, nonce = cloud.token(nonce=b"n" * size, expires_in=60)
    assert nonce is None
    assert launch.nonce_digest == hashlib.sha256(b"n" * size).digest()
    assert launch.expires_at == cloud.clock() + datetime.timedelta(minutes=1)
    assert cloud.vault.secrets[launch.nonce_ref][0].secret == b"n" * size


@pytest.mark.parametrize("changes", [
    {"nonce": b""}, {"nonce": b"n" * 15}, {"nonce": b"n" * 65},
    {"image_id": ""}, {"image_digest": b"d"}, {"expires_in": 0},
    {"expires_in": -1}, {"expires_in": True}, {"expires_in": 366 * 86400}])
def test_wrong_tokens_are_refused_before_anything_is_kept(cloud, changes):
    with pytest.raises(errors.Invalid):
        cloud.token(**changes)
    assert cloud.vault.secrets == {}


def test_delete_a_token(cloud):
    launch, _ = cloud.token()
    flow = cloud.flows.launches
    unknown(Code.LAUNCH_UNKNOWN, flow.delete, launch.id, "p2")
    flow.delete(launch.id, "p1")
    assert cloud.vault.secrets == {}
    unknown(Code.LAUNCH_UNKNOWN, flow.show, launch.id, "p1")


def test_a_token_is_needed_as_long_as_its_instance(cloud, host):
    cloud.nova.place("vm-1", "host-1")
    launch, _ = cloud.token()
    host.release(profile="gold", launch_id=launch.id)
    with pytest.raises(errors.Conflict):
        cloud.flows.launches.delete(launch.id, "p1")
    host.release(action=Action.POWER_ON)
    cloud.flows.instances.close("vm-1", cloud.clock())
    cloud.flows.launches.delete(launch.id, "p1")
    assert cloud.vault.secrets == {}


def test_a_bound_token_without_a_lease_can_go(cloud):
    launch, _ = cloud.token()
    cloud.store.tables.launches.bind(launch.id, "vm-9")
    cloud.flows.launches.delete(launch.id, "p1")


# Instances.

def test_instance(cloud, host):
    flow = cloud.flows.instances
    cloud.nova.place("vm-1", "host-1")
    unknown(Code.RECEIPT_UNKNOWN, flow.show, "vm-1", None)
    asked = host.ask(profile="gold")
    asked.answer()
    seen = flow.show("vm-1", "p1")
    assert (seen.lease.instance_id, seen.trusted) == ("vm-1", True)
    assert seen.last_release == asked.kept
    unknown(Code.RECEIPT_UNKNOWN, flow.show, "vm-1", "p2")
    cloud.tick(seconds=1)
    later = host.ask(action=Action.POWER_ON)
    assert flow.show("vm-1", None).last_release == later.kept


def test_closing_destroys_every_disk_key(cloud, host):
    cloud.nova.place("vm-1", "host-1")
    cloud.nova.place("vm-2", "host-1")
    key = cloud.key()
    host.release(profile="gold", key_id=key.id)
    host.release(action=Action.REBUILD, key_id=key.id)
    host.release("vm-2", profile="gold")
    now = cloud.tick(seconds=1)
    cloud.flows.instances.close("vm-1", now)
    seen = cloud.flows.instances.show("vm-1", "p1")
    assert (seen.lease.closed_at, seen.trusted) == (now, False)
    left = {k.instance_id for k in cloud.store.tables.keys.rows.values()}
    assert left == {None, "vm-2"}
    assert {c.split("/")[0] for _, c in cloud.vault.secrets.values()} == {
        "key", "instance"}
    assert len(cloud.vault.secrets) == 3
    (event,) = [e for e in cloud.events() if e.event_type == "lease.closed"]
    assert event.payload == {"instance_id": "vm-1", "project_id": "p1",
                             "host": "host-1"}
    host.release("vm-2", action=Action.POWER_ON)


def test_closing_again_or_what_was_never_trusted(cloud, host):
    cloud.nova.place("vm-1", "host-1")
    host.release(profile="gold")
    cloud.flows.instances.close("vm-1", cloud.clock())
    closed = cloud.flows.instances.show("vm-1", None)
    cloud.flows.instances.close("vm-1", cloud.tick(days=1))
    assert cloud.flows.instances.show("vm-1", None) == closed
    assert [e.event_type for e in cloud.events()].count("lease.closed") == 1
    cloud.flows.instances.close("vm-9", cloud.clock())


def test_closing_goes_on_where_it_was_interrupted(cloud, host):
    cloud.nova.place("vm-1", "host-1")
    host.release(profile="gold")
    cloud.vault.down = True
    with pytest.raises(errors.Unavailable):
        cloud.flows.instances.close("vm-1", cloud.clock())
    assert not cloud.flows.instances.show("vm-1", None).trusted
    cloud.vault.down = False
    cloud.flows.instances.close("vm-1", cloud.clock())
    assert cloud.vault.secrets == {}
    assert cloud.store.tables.keys.rows == {}


def test_two_may_close_at_once(cloud, host, monkeypatch):
    cloud.nova.place("vm-1", "host-1")
    host.release(profile="gold")
    forget = cloud.vault.delete

    def meanwhile(ref):
        monkeypatch.undo()
        cloud.flows.instances.close("vm-1", cloud.clock())
        forget(ref)

    monkeypatch.setattr(cloud.vault, "delete", meanwhile)
    cloud.flows.instances.close("vm-1", cloud.clock())
    assert cloud.vault.secrets == {}


def test_the_nonce_of_a_token_outlives_the_instance(cloud, host):
    cloud.nova.place("vm-1", "host-1")
    launch, _ = cloud.token()
    host.release(profile="gold", launch_id=launch.id)
    cloud.flows.instances.close("vm-1", cloud.clock())
    assert list(cloud.vault.secrets) == [launch.nonce_ref]


# Releases and receipts.

def test_releases_are_seen_by_their_project(cloud, host):
    cloud.nova.place("vm-1", "host-1", project="p1")
    cloud.nova.place("vm-2", "host-1", project="p2")
    first, second = (host.ask(vm, profile="gold") for vm in ("vm-1", "vm-2"))
    first.answer()
    second.answer()
    flow = cloud.flows.releases
    assert flow.show(first.release.id, "p1") == first.kept
    unknown(Code.RELEASE_UNKNOWN, flow.show, first.release.id, "p2")
    unknown(Code.RELEASE_UNKNOWN, flow.show, "nosuch", None)
    listed = flow.list(r.Page(9, filters={"project_id": "p2"}))
    assert listed == [second.kept]
    assert len(flow.list(r.Page(9))) == 2


def test_an_open_release_is_nobodys(cloud, host):
    asked = host.ask(profile="gold")
    unknown(Code.RELEASE_UNKNOWN, cloud.flows.releases.show,
            asked.release.id, "p1")


def test_receipts_are_seen_by_their_project(cloud, host):
    cloud.nova.place("vm-1", "host-1", project="p1")
    cloud.nova.place("vm-2", "host-1", project="p2")
    for vm in ("vm-1", "vm-2"):
        host.release(vm, profile="gold")
    flow = cloud.flows.receipts
    assert flow.show(1, "p2").instance_id == "vm-2"
    assert flow.show(1, None).instance_id == "vm-2"
    unknown(Code.RECEIPT_UNKNOWN, flow.show, 1, "p1")
    unknown(Code.RECEIPT_UNKNOWN, flow.show, 2, None)
    assert [a.index for a in flow.list(r.Page(9))] == [1, 0]
    assert [a.index for a in flow.list(r.Page(9, filters={
        "project_id": "p1"}))] == [0]
