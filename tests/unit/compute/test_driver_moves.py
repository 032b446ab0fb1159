# SPDX-License-Identifier: Apache-2.0
"""Moves and rescue pass the gate, too, where the instance starts.

Mocks stand for Nova's own driver class only: what it does with a guest is
tried on the real cloud (tests/cloud).
"""

from __future__ import annotations

import types

import nova.conf
import pytest
from nova import exception
from nova.virt.libvirt import driver as libvirt_driver

from tests.fakes import nova as fakes
from tests.fakes.nova import UUID, FakeInstance

CONF = nova.conf.CONF
NOVA = libvirt_driver.LibvirtDriver


def in_session(subject, name, instance):
    """Have Nova's method note whether a session is open meanwhile."""
    seen = []
    getattr(NOVA, name).side_effect = lambda *a, **k: seen.append(
        subject._sessions.find(instance.uuid))
    return seen


OWN_IMAGE = types.SimpleNamespace(
    obj_attr_is_set=lambda name: True, id=fakes.IMAGE)


def finish_migration(subject, instance):
    subject.finish_migration(None, "migration", instance, "disk_info")


def finish_revert_migration(subject, instance):
    subject.finish_revert_migration(None, instance, "network", "migration",
                                    "bdi", True, share_info=None)


def rescue(subject, instance):
    subject.rescue(None, instance, "network", OWN_IMAGE, "password")


def unrescue(subject, instance):
    instance.get_network_info = lambda: None
    subject.unrescue(None, instance)


MOVES = [(finish_migration, "migrate-in"),
         (finish_revert_migration, "migrate-in"), (rescue, "rescue"),
         (unrescue, "unrescue")]


@pytest.mark.parametrize("move, action", MOVES)
def test_g2_moved_or_rescued_instance_starts_in_a_session(
        subject, agent, move, action):
    instance = fakes.trusted(task_state=None)
    seen = in_session(subject, move.__name__, instance)
    move(subject, instance)
    assert agent.actions == [action]
    assert seen[0].action.value == action
    assert subject._sessions.find(UUID) is None


@pytest.mark.parametrize("move, action", MOVES)
def test_g2_tainted_host_starts_no_moved_instance(
        subject, agent, move, action):
    agent.host_is_good = False
    with pytest.raises(Exception, match="release.not_affirming"):
        move(subject, fakes.trusted())
    getattr(NOVA, move.__name__).assert_not_called()


@pytest.mark.parametrize("move, action", MOVES)
def test_other_instance_is_moved_as_ever(subject, agent, move, action):
    agent.stop()
    move(subject, FakeInstance())
    getattr(NOVA, move.__name__).assert_called_once()


def test_reverted_move_of_a_stopped_instance_starts_nothing(subject, agent):
    subject.finish_revert_migration(
        None, fakes.trusted(), "network", "migration", "bdi", False)
    assert agent.requests == []
    subject._create_guest(None, "<xml/>", fakes.trusted(), power_on=False)
    NOVA._create_guest.assert_called_once()


def test_g2_rescue_by_another_image_is_refused(subject, agent):
    other = types.SimpleNamespace(obj_attr_is_set=lambda name: True,
                                  id="another")
    with pytest.raises(Exception, match="only its own image"):
        subject.rescue(None, fakes.trusted(), "network", other, "password")
    assert agent.requests == []
    NOVA.rescue.assert_not_called()


@pytest.mark.parametrize("path", ["check_can_live_migrate_destination",
                                  "check_can_live_migrate_source"])
def test_live_migration_without_tls_is_refused(subject, path):
    stock = getattr(NOVA, path)
    with pytest.raises(exception.MigrationPreCheckError, match="native_tls"):
        getattr(subject, path)(None, fakes.trusted())
    stock.assert_not_called()
    getattr(subject, path)(None, FakeInstance())
    stock.assert_called_once()
    CONF.set_override("live_migration_with_native_tls", True, "libvirt")
    getattr(subject, path)(None, fakes.trusted())
    CONF.clear_override("live_migration_with_native_tls", "libvirt")
    assert stock.call_count == 2


def pre_live_migration(subject, instance):
    return subject.pre_live_migration(
        None, instance, "bdi", "network", "disks", "data")


def test_g2_live_migration_has_secrets_at_the_destination_until_its_end(
        subject, agent, defined):
    instance = fakes.trusted()
    seen = in_session(subject, "pre_live_migration", instance)
    pre_live_migration(subject, instance)
    assert agent.actions == ["migrate-in"]
    assert seen[0].action.value == "migrate-in"
    assert defined.call_count == 1
    subject._host.delete_secret.assert_not_called()
    subject.post_live_migration_at_destination(None, instance, "network")
    assert subject._host.delete_secret.call_count == 2


def test_g2_live_migration_to_a_tainted_host_moves_nothing(subject, agent):
    agent.host_is_good = False
    with pytest.raises(Exception, match="release.not_affirming"):
        pre_live_migration(subject, fakes.trusted())
    NOVA.pre_live_migration.assert_not_called()
    pre_live_migration(subject, FakeInstance())
    NOVA.pre_live_migration.assert_called_once()
