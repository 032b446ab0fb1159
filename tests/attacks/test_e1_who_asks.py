# SPDX-License-Identifier: Apache-2.0
"""E1, E2: who asks for keys that are not his, or with another's token.

The service is whole but for its edges, and every TPM signs truthfully: each
test tells one lie.
"""

from __future__ import annotations

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from tests.attacks.refusals import refused, refusing

SECRET, DIGEST, OTHER_DIGEST = b"s" * 32, b"d" * 32, b"e" * 32


@pytest.fixture
def host(cloud):
    return cloud.host()


# E1: asked by a host that does not have the instance, for another project's
# key, for another image.

def test_e1_instance_on_another_host_refused(cloud, host):
    cloud.nova.place("vm-1", "host-2", "host-3")
    refused(host.ask(profile="gold"), Code.RELEASE_WRONG_PLACE)


def test_e1_instance_that_nova_does_not_know_refused(cloud, host):
    refused(host.ask("vm-9", profile="gold"), Code.RELEASE_WRONG_PLACE)


def test_e1_key_of_another_project_refused(cloud, host):
    key = cloud.key("p2")
    refused(host.ask(profile="gold", key_id=key.id),
            Code.RELEASE_WRONG_PROJECT)


def test_e1_instance_of_another_project_refused(cloud, host):
    key = cloud.key("p1")
    cloud.nova.place("vm-1", "host-1", project="p2")
    refused(host.ask(profile="gold", key_id=key.id),
            Code.RELEASE_WRONG_PROJECT)


def test_e1_instance_that_changed_its_project_refused(cloud, host):
    host.release(profile="gold")
    cloud.nova.place("vm-1", "host-1", project="p2")
    refused(host.ask(action=Action.POWER_ON), Code.RELEASE_WRONG_PROJECT)


@pytest.mark.parametrize(("nova", "asked"), [
    ("image-2", "image-2"), ("image-2", "image-1"), ("image-1", "image-2"),
    (None, "image-1"), (None, None)])
def test_e1_key_for_another_image_refused(cloud, host, nova, asked):
    key = cloud.key(image_id="image-1")
    cloud.nova.place("vm-1", "host-1", image=nova)
    refused(host.ask(profile="gold", key_id=key.id, image_id=asked),
            Code.RELEASE_WRONG_IMAGE)


def test_e1_the_digest_is_the_registered_one(cloud, host):
    """Whatever Glance or the host say: the host compares with this one."""
    key = cloud.key(image_digest=DIGEST)
    asked = host.ask(profile="gold", key_id=key.id)
    assert asked.answer().image_digest == DIGEST


def test_e1_disk_key_of_another_instance_by_its_id_refused(cloud, host):
    host.release(profile="gold")
    disk = cloud.flows.instances.show("vm-1", None).lease.disk_key_id
    cloud.nova.place("vm-2", "host-1")
    refused(host.ask("vm-2", profile="gold", key_id=disk), Code.KEY_UNKNOWN)


def test_e1_other_key_after_the_launch_refused(cloud, host):
    first, second = cloud.key(), cloud.key()
    host.release(profile="gold", key_id=first.id)
    refused(host.ask(action=Action.POWER_ON, key_id=second.id),
            Code.RELEASE_WRONG_IMAGE)


def test_e1_release_of_another_attester_does_not_exist(cloud, host):
    cloud.nova.place("vm-1", "host-1", "host-2")
    thief, asked = cloud.host("host-2"), host.ask(profile="gold")
    own = thief.ask(profile="gold")
    own.release = asked.release
    with refusing(cloud, Code.RELEASE_UNKNOWN):
        own.answer()
    assert asked.kept.state is r.ReleaseState.OPEN


def test_e1_another_user_may_neither_ask_nor_answer(cloud, host):
    asked = host.ask(profile="gold")
    host.user_id = "mallory"
    with refusing(cloud, Code.REQUEST_FORBIDDEN):
        host.ask(profile="gold")
    with refusing(cloud, Code.REQUEST_FORBIDDEN):
        asked.answer()


# E2: token of another launch, used twice, altered profile.

def test_e2_token_used_for_a_second_instance_refused(cloud, host):
    launch, _ = cloud.token()
    host.release(profile="gold", launch_id=launch.id)
    cloud.nova.place("vm-2", "host-1")
    refused(host.ask("vm-2", profile="gold", launch_id=launch.id),
            Code.TOKEN_SPENT)


def test_e2_token_of_another_launch_later_refused(cloud, host):
    first, second = cloud.token()[0], cloud.token()[0]
    host.release(profile="gold", launch_id=first.id)
    refused(host.ask(action=Action.POWER_ON, launch_id=second.id),
            Code.TOKEN_MISMATCH)


def test_e2_token_brought_later_refused(cloud, host):
    host.release(profile="gold")
    launch, _ = cloud.token()
    refused(host.ask(action=Action.POWER_ON, launch_id=launch.id),
            Code.TOKEN_MISMATCH)


def test_e2_token_of_another_project_refused(cloud, host):
    launch, _ = cloud.token("p2")
    refused(host.ask(profile="gold", launch_id=launch.id),
            Code.TOKEN_UNKNOWN)


def test_e2_token_that_does_not_exist_refused(cloud, host):
    refused(host.ask(profile="gold", launch_id="t9"), Code.TOKEN_UNKNOWN)


def test_e2_expired_token_refused(cloud, host):
    launch, _ = cloud.token(expires_in=30)
    cloud.tick(seconds=30)
    refused(host.ask(profile="gold", launch_id=launch.id),
            Code.TOKEN_EXPIRED)


def test_e2_weaker_profile_than_the_tokens_refused(cloud, host):
    cloud.profile("platinum", {"schema": 1, "require": [
        {"hardware-root": {"required": True}}]})
    launch, _ = cloud.token(profile="platinum")
    refused(host.ask(profile="gold", launch_id=launch.id),
            Code.RELEASE_NOT_AFFIRMING)


def test_e2_token_left_out_where_the_key_demands_it_refused(cloud, host):
    key = cloud.key(demand_token=True)
    refused(host.ask(profile="gold", key_id=key.id), Code.TOKEN_DEMANDED)


@pytest.mark.parametrize("named", [{"image_id": "image-2"},
                                   {"image_digest": OTHER_DIGEST}])
def test_e2_token_for_another_image_refused(cloud, host, named):
    key = cloud.key(image_digest=DIGEST)
    launch, _ = cloud.token(**named)
    refused(host.ask(profile="gold", key_id=key.id, launch_id=launch.id),
            Code.TOKEN_MISMATCH)


def test_e2_rebuild_with_an_evil_image_never_learns_the_nonce(cloud, host):
    key = cloud.key(image_id="image-1", demand_token=True)
    launch, _ = cloud.token()
    host.release(profile="gold", key_id=key.id, launch_id=launch.id)
    cloud.nova.place("vm-1", "host-1", image="evil")
    for asked in ({"image_id": "evil"},
                  {"image_id": "evil", "launch_id": launch.id},
                  {"image_id": "evil", "key_id": key.id}):
        with pytest.raises(errors.Forbidden):
            host.ask(action=Action.REBUILD, **asked).answer()
    assert cloud.store.tables.log.size() == 1
