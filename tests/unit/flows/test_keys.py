# SPDX-License-Identifier: Apache-2.0
"""Keys of a project: made, seen, deleted."""

from __future__ import annotations

import datetime

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from tests.unit.flows.hiding import unknown

SECRET = b"s" * 32
DAY = datetime.timedelta(days=1)


def test_key(cloud):
    key = cloud.key(secret=SECRET, image_id="image-1", launches=3,
                    image_digest=b"d" * 32, expires_at=cloud.clock() + DAY)
    assert key == r.Key(
        key.id, "image key", r.KeyPurpose.IMAGE, "p1", r.ReleasePolicy(
            "gold", "image-1", b"d" * 32, False, cloud.clock() + DAY, 3),
        key.vault_ref, cloud.clock())
    assert cloud.flows.keys.show(key.id, "p1") == key
    assert cloud.flows.keys.show(key.id, None) == key
    material, context = cloud.vault.secrets[key.vault_ref]
    assert (material.secret, context) == (SECRET, f"key/{key.id}")
    unknown(Code.KEY_UNKNOWN, cloud.flows.keys.show, key.id, "p2")
    unknown(Code.KEY_UNKNOWN, cloud.flows.keys.show, "nosuch", "p1")


@pytest.mark.parametrize("policy", [
    {"launches": 0}, {"launches": -1}, {"launches": True},
    {"launches": 2 ** 31}, {"image_id": ""}, {"image_id": "a\nb"},
    {"image_digest": b"d" * 31}, {"image_digest": b""}, {"profile": ""},
    {"secret": b"s" * 15}, {"secret": b"s" * 65}])
def test_wrong_keys_are_refused_before_anything_is_kept(cloud, policy):
    with pytest.raises(errors.Invalid):
        cloud.key(**policy)
    assert cloud.vault.secrets == {}


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256])
def test_key_names_are_text(cloud, name):
    with pytest.raises(errors.Invalid):
        cloud.flows.keys.create(name, r.KeyMaterial(SECRET),
                                r.ReleasePolicy(None), "p1", cloud.clock())


@pytest.mark.parametrize("policy", [
    {"launches": 1}, {"launches": 2 ** 31 - 1}, {"profile": None},
    {"secret": b"s" * 16}, {"secret": b"s" * 64}])
def test_keys_at_the_edge(cloud, policy):
    cloud.key(**policy)


def test_a_key_must_not_have_expired(cloud):
    with pytest.raises(errors.Invalid):
        cloud.key(expires_at=cloud.clock())
    cloud.key(expires_at=cloud.clock() + datetime.timedelta(microseconds=1))


def test_delete_a_key(cloud):
    key = cloud.key()
    unknown(Code.KEY_UNKNOWN, cloud.flows.keys.delete, key.id, "p2")
    cloud.flows.keys.delete(key.id, "p1")
    assert cloud.vault.secrets == {}
    unknown(Code.KEY_UNKNOWN, cloud.flows.keys.show, key.id, "p1")
    unknown(Code.KEY_UNKNOWN, cloud.flows.keys.delete, key.id, "p1")


def test_a_key_stays_when_the_vault_does_not_answer(cloud):
    key = cloud.key()
    cloud.vault.down = True
    with pytest.raises(errors.Unavailable):
        cloud.flows.keys.delete(key.id, "p1")
    assert cloud.flows.keys.show(key.id, "p1") == key


def test_disk_keys_are_nobodys_to_see_or_delete(cloud, host):
    cloud.nova.place("vm-1", "host-1")
    host.release(profile="gold")
    disk = cloud.flows.instances.show("vm-1", None).lease.disk_key_id
    for project in ("p1", None):
        unknown(Code.KEY_UNKNOWN, cloud.flows.keys.show, disk, project)
        unknown(Code.KEY_UNKNOWN, cloud.flows.keys.delete, disk, project)
    listed = cloud.flows.keys.list(r.Page(9, filters={
        "project_id": "p1", "purpose": r.KeyPurpose.IMAGE}))
    assert listed == []
