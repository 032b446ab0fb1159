# SPDX-License-Identifier: Apache-2.0
"""A host asks for an instance's keys and gets them."""

from __future__ import annotations

import hashlib

import pytest

from attestation_service import records as r
from attestation_service.flows.secrets import Prepared
from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.challenge import Purpose
from nova_trusted_launch.wire.receipts import (
    CHECKPOINT_TYPE,
    RECEIPT_TYPE,
    Checkpoint,
    Receipt,
)
from nova_trusted_launch.wire.release import Action
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes.cloud import unseal

SECRET, DIGEST = b"s" * 32, b"d" * 32


@pytest.fixture(autouse=True)
def placed(cloud, host):
    cloud.nova.place("vm-1", "host-1")


def secrets_in(cloud):
    return {m.secret for m, _ in cloud.vault.secrets.values()}


def test_request(cloud, host):
    asked = host.ask(profile="gold", key_id="k1")
    assert asked.kept == r.Release(
        asked.release.id, host.id, "host-1", "vm-1", None, Action.SPAWN,
        asked.request.to_dict(), r.ReleaseState.OPEN, cloud.clock(),
        cloud.clock() + cloud.settings.release_life)
    challenge = asked.challenge
    assert (challenge.purpose, challenge.subject, challenge.attester_id,
            challenge.expires_at, len(challenge.nonce)) == (
        Purpose.RELEASE, asked.release.id, host.id,
        asked.release.expires_at, 32)


def test_the_first_release_of_an_encrypted_image(cloud, host):
    key = cloud.key(secret=SECRET, image_id="image-1", image_digest=DIGEST,
                    launches=2)
    launch, nonce = cloud.token(image_digest=DIGEST)
    asked = host.ask(profile="gold", image_id="image-1", key_id=key.id,
                     launch_id=launch.id)
    keys = asked.keys()
    assert (keys.image_key, keys.nonce) == (SECRET, nonce)
    assert keys.disk_key in secrets_in(cloud)
    assert len(keys.disk_key) == 32
    released = asked.released
    assert (released.image_digest, released.log_index) == (DIGEST, 0)
    assert released.expires_at == cloud.clock() + (
        cloud.settings.session_life)
    assert released.sealed_key.expiration == 60
    assert released.sealed_key.selection.registers == {*range(10), 14}
    kept = asked.kept
    assert (kept.state, kept.project_id, kept.log_index, kept.code) == (
        r.ReleaseState.GRANTED, "p1", 0, None)
    assert cloud.flows.keys.show(key.id, "p1").launches_used == 1
    assert cloud.flows.launches.show(launch.id, "p1").instance_id == "vm-1"


def test_the_lease_says_what_was_released(cloud, host):
    key = cloud.key(image_id="image-1", image_digest=DIGEST)
    launch, nonce = cloud.token()
    host.release(profile="gold", key_id=key.id, launch_id=launch.id)
    lease = cloud.flows.instances.show("vm-1", "p1").lease
    assert lease == r.Lease(
        "vm-1", "p1", "host-1", ("gold",), "image-1", DIGEST, key.id,
        lease.disk_key_id, launch.id, launch.nonce_ref,
        hashlib.sha256(nonce).digest(), cloud.clock())
    disk = cloud.store.tables.keys.load(lease.disk_key_id)
    assert (disk.purpose, disk.project_id, disk.instance_id) == (
        r.KeyPurpose.DISK, "p1", "vm-1")


def test_the_receipt_is_signed_and_logged(cloud, host):
    key = cloud.key(image_id="image-1", image_digest=DIGEST)
    launch, nonce = cloud.token()
    asked = host.ask(profile="gold", key_id=key.id, launch_id=launch.id)
    released = asked.answer()
    receipt = Receipt.from_claims(
        cloud.signer.verify(released.receipt, RECEIPT_TYPE))
    assert receipt == Receipt(
        asked.release.id, "vm-1", "p1", Action.SPAWN, "host-1", host.id,
        host.tpm.ak.name, (("gold", 1),), "image-1", DIGEST, key.id,
        launch.id, hashlib.sha256(nonce).digest(), False, cloud.clock())
    stored = cloud.flows.receipts.show(released.log_index, "p1")
    assert stored == r.StoredReceipt(
        0, asked.release.id, "vm-1", "p1", released.receipt, cloud.clock())
    checkpoint = Checkpoint.from_claims(cloud.signer.verify(
        cloud.flows.transparency.checkpoint(cloud.clock()), CHECKPOINT_TYPE))
    leaf, path = cloud.flows.transparency.inclusion(0, checkpoint.size)
    assert leaf == receipts.leaf_hash(released.receipt)
    receipts.verify_inclusion(leaf, 0, checkpoint.size, path,
                              checkpoint.root)


def test_it_is_told_in_the_same_unit(cloud, host):
    asked = host.ask(profile="gold")
    asked.answer()
    (event,) = [e for e in cloud.events()
                if e.event_type == "release.granted"]
    assert event.payload == {
        "release_id": asked.release.id, "instance_id": "vm-1",
        "project_id": "p1", "host": "host-1", "attester_id": host.id,
        "action": "spawn", "code": None, "detail": None, "log_index": 0}


def test_a_plain_image_without_token_gets_its_own_nonce(cloud, host):
    keys = host.release(profile="gold")
    assert keys.image_key is None
    assert len(keys.nonce) == 32
    again = host.release(action=Action.POWER_ON)
    assert again == keys
    lease = cloud.flows.instances.show("vm-1", None).lease
    assert lease.nonce_digest == hashlib.sha256(keys.nonce).digest()
    assert lease.launch_id is None


@pytest.mark.parametrize("action", [a for a in Action
                                    if a is not Action.REBUILD])
def test_later_releases_hand_out_the_same_keys(cloud, host, action):
    key = cloud.key(launches=1)
    launch, _ = cloud.token()
    first = host.release(profile="gold", key_id=key.id, launch_id=launch.id)
    lease = cloud.flows.instances.show("vm-1", None).lease
    cloud.tick(seconds=5)
    assert host.release(action=action) == first
    assert cloud.flows.instances.show("vm-1", None).lease == lease
    assert cloud.flows.keys.show(key.id, None).launches_used == 1
    assert len(cloud.store.tables.keys.rows) == 2


def test_a_release_on_another_host_moves_the_lease(cloud, host):
    first = host.release(profile="gold")
    other = cloud.host("host-2")
    cloud.nova.place("vm-1", "host-1", "host-2")
    assert other.release(action=Action.MIGRATE_IN) == first
    lease = cloud.flows.instances.show("vm-1", None).lease
    assert (lease.host, lease.opened_at) == ("host-2", cloud.clock())
    assert host.release(action=Action.POWER_ON) == first


def test_a_rebuild_gets_a_new_disk_key(cloud, host):
    launch, nonce = cloud.token()
    first = host.release(profile="gold", launch_id=launch.id)
    again = host.release(action=Action.REBUILD)
    assert again.disk_key != first.disk_key
    assert again.nonce == first.nonce == nonce
    assert host.release(action=Action.POWER_ON) == again


def test_a_rebuild_with_another_image(cloud, host):
    key = cloud.key(secret=b"1" * 32, image_id="image-1")
    host.release(profile="gold", key_id=key.id)
    new = cloud.key(secret=b"2" * 32, image_id="image-2",
                    image_digest=DIGEST)
    cloud.nova.place("vm-1", "host-1", image="image-2")
    again = host.release(action=Action.REBUILD, key_id=new.id,
                         image_id="image-2")
    assert again.image_key == b"2" * 32
    lease = cloud.flows.instances.show("vm-1", None).lease
    assert (lease.image_id, lease.image_key_id, lease.image_digest,
            lease.profiles) == ("image-2", new.id, DIGEST, ("gold",))
    assert cloud.flows.keys.show(new.id, None).launches_used == 1


def test_the_key_is_sealed_to_this_boot_only(cloud, host):
    asked = host.ask(profile="gold")
    released = asked.answer()
    host.tpm.extend(4, b"\1" * 32)
    with pytest.raises(Exception, match="0x99d"):
        unseal(host.tpm, released, asked.request.nonce_tpm)


def test_ima_moving_on_does_not_matter(cloud, host):
    asked = host.ask(profile="gold")
    released = asked.answer()
    host.tpm.extend(10, b"\1" * 32)
    unseal(host.tpm, released, asked.request.nonce_tpm)


@pytest.mark.parametrize("ek", ["ek-p256", "ek-p384", "ek-rsa2048"])
def test_every_kind_of_ek(cloud, ek):
    host = cloud.host("host-2", ek=ek)
    cloud.nova.place("vm-2", "host-2")
    asked = host.ask("vm-2", profile="gold")
    asked.keys()
    assert asked.released.sealed_key.parent == ek


def test_fresh_evidence_becomes_the_hosts_result(cloud, host):
    host.release(profile="gold")
    (stored,) = cloud.flows.results.latest(r.Page(9))
    assert stored.result.tier is TrustTier.AFFIRMING
    assert stored.result.host == "host-1"
    assert cloud.placement.traits == {"host-1": {"gold"}}
    (kept,) = cloud.flows.attesters.evidence(host.id)
    assert len(kept.qualifying) == 32


def test_keys_do_not_show_in_any_repr(cloud, host):
    key = cloud.key(secret=SECRET)
    launch, nonce = cloud.token()
    asked = host.ask(profile="gold", key_id=key.id, launch_id=launch.id)
    keys = asked.keys()
    tables = cloud.store.tables.tables()
    shown = repr([asked.released, keys, [vars(t) for t in tables],
                  cloud.events(), cloud.vault.secrets, key, launch])
    prepared = Prepared(keys, "d1", None, "ref", b"", ())
    assert repr(prepared) == "<keys of a release, disk key d1>"
    for secret in (SECRET, keys.disk_key, nonce, keys.nonce):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown
