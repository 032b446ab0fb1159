# SPDX-License-Identifier: Apache-2.0
"""Every way to power of Nova's driver passes the gate.

Mocks stand for Nova's own driver class only: what it does with a guest is
tried on the real cloud (tests/cloud).
"""

from __future__ import annotations

import nova.conf
import pytest
from nova import exception
from nova.virt.libvirt import driver as libvirt_driver

from nova_trusted_launch.wire.codes import Code
from tests.fakes import nova as fakes
from tests.fakes.nova import UUID, FakeInstance

CONF = nova.conf.CONF
NOVA = libvirt_driver.LibvirtDriver


def spawn(subject, instance, **kwargs):
    subject.spawn(None, instance, "meta", [], "pass", {}, **kwargs)


def in_session(subject, name, instance):
    """Have Nova's method note whether a session is open meanwhile."""
    seen = []
    getattr(NOVA, name).side_effect = lambda *a, **k: seen.append(
        subject._sessions.find(instance.uuid))
    return seen


def test_other_instance_is_spawned_as_ever(subject, agent):
    instance = FakeInstance()
    spawn(subject, instance, network_info="net", accel_info="accel")
    NOVA.spawn.assert_called_once_with(
        None, instance, "meta", [], "pass", {}, network_info="net",
        block_device_info=None, accel_info="accel")
    assert agent.requests == []
    assert instance.saved == 0


def test_trusted_instance_is_spawned_in_a_session(subject, agent):
    instance = fakes.encrypted_image()
    seen = in_session(subject, "spawn", instance)
    spawn(subject, instance)
    assert agent.actions == ["spawn"]
    assert seen[0].instance_uuid == UUID
    assert subject._sessions.find(UUID) is None
    # Marked for ever, and sure to learn its nonce.
    assert instance.system_metadata["trusted_launch"] == "gold"
    assert instance.config_drive is True
    assert instance.saved == 1


def test_g3_forced_host_that_is_tainted_goes_on_elsewhere(subject, agent):
    agent.host_is_good = False
    with pytest.raises(exception.ComputeResourcesUnavailable,
                       match="release.not_affirming"):
        spawn(subject, fakes.trusted())
    NOVA.spawn.assert_not_called()


def test_refusal_that_no_host_can_change_ends_the_build(subject, agent):
    agent.refusal = (Code.TOKEN_SPENT, "token t-1 is spent")
    with pytest.raises(exception.BuildAbortException,
                       match="token.spent: token t-1 is spent. Create a new"):
        spawn(subject, fakes.trusted())


def test_failed_spawn_leaves_no_session_and_no_config_drive(
        subject, memory):
    left = memory / "private" / UUID
    left.mkdir(parents=True)
    NOVA.spawn.side_effect = RuntimeError
    with pytest.raises(RuntimeError):
        spawn(subject, fakes.trusted())
    assert subject._sessions.find(UUID) is None
    assert not left.exists()


@pytest.mark.parametrize("bad", [
    {"kernel_id": "k"}, {"ramdisk_id": "r"}, {"image_ref": ""}])
def test_f6_ways_around_the_image_are_refused(subject, agent, bad):
    with pytest.raises(exception.BuildAbortException,
                       match="image.refused"):
        spawn(subject, fakes.trusted(**bad))
    assert agent.requests == []


def test_f6_boot_from_volume_is_refused(subject, agent):
    volumes = {"block_device_mapping": [{"boot_index": 0}]}
    with pytest.raises(exception.BuildAbortException, match="volume"):
        spawn(subject, fakes.trusted(), block_device_info=volumes)
    assert agent.requests == []


def test_host_without_memory_folders_starts_nothing(subject, agent):
    CONF.set_override("libvirt_state_path", "/proc", group="trusted_launch")
    with pytest.raises(exception.ComputeResourcesUnavailable,
                       match="host.unfit"):
        spawn(subject, fakes.trusted())
    assert agent.requests == []
    spawn(subject, FakeInstance())


def _rebuild(subject, instance, **kwargs):
    with pytest.raises(NotImplementedError):
        subject.rebuild(None, instance, "meta", [], "pass", {}, [], None,
                        None, **kwargs)


@pytest.mark.parametrize("evacuate, action", [
    (False, "rebuild"), (True, "evacuate")])
def test_g2_rebuild_asks_once_before_the_old_disk_goes(
        subject, agent, evacuate, action):
    instance = fakes.trusted(task_state="rebuild_spawning")
    _rebuild(subject, instance, evacuate=evacuate)
    assert agent.actions == [action]
    seen = in_session(subject, "spawn", instance)
    spawn(subject, instance)
    assert agent.actions == [action]
    assert seen[0].action.value == action


def test_g2_refused_rebuild_leaves_the_instance_alone(subject, agent):
    agent.host_is_good = False
    with pytest.raises(exception.InstanceFaultRollback) as refused:
        subject.rebuild(None, fakes.trusted(), "meta", [], "p", {}, [], None,
                        None)
    assert "not_affirming" in str(refused.value.inner_exception)


def power_on(subject, instance):
    subject.power_on("context", instance, "network")


def hard(subject, instance):
    subject.reboot("context", instance, "network", "HARD")


def soft(subject, instance):
    NOVA._soft_reboot.return_value = True
    subject.reboot("context", instance, "network", "SOFT")


def host_boot(subject, instance):
    subject.resume_state_on_host_boot("context", instance, "network", None)


STARTS = [(power_on, "power-on"), (hard, "reboot"), (soft, "reboot"),
          (host_boot, "auto-resume")]


@pytest.mark.parametrize("start, action", STARTS)
def test_g1_every_start_asks_again(subject, agent, start, action):
    instance = fakes.trusted(task_state=None)
    seen = in_session(subject, "_hard_reboot", instance)
    start(subject, instance)
    assert agent.actions == [action]
    assert seen[0].action.value == action
    assert subject._sessions.find(UUID) is None


@pytest.mark.parametrize("start, action", STARTS)
def test_g1_tainted_host_starts_nothing(subject, agent, start, action):
    agent.host_is_good = False
    with pytest.raises(Exception, match="release.not_affirming"):
        start(subject, fakes.trusted())
    NOVA._hard_reboot.assert_not_called()
    NOVA._soft_reboot.assert_not_called()


@pytest.mark.parametrize("start", [power_on, hard, host_boot])
def test_other_instance_starts_without_an_agent(subject, agent, start):
    agent.stop()
    start(subject, FakeInstance())
    NOVA._hard_reboot.assert_called_once()


def test_other_instance_reboots_softly(subject, agent):
    soft(subject, FakeInstance())
    NOVA._soft_reboot.assert_called_once()
    NOVA._hard_reboot.assert_not_called()


def test_soft_reboot_shuts_down_after_the_release(subject, agent):
    order = []
    NOVA._clean_shutdown.side_effect = lambda *a: order.append(
        ("shutdown", list(agent.actions)))
    NOVA._hard_reboot.side_effect = lambda *a, **k: order.append("start")
    soft(subject, fakes.trusted())
    assert order == [("shutdown", ["reboot"]), "start"]


@pytest.mark.parametrize("sign", ["metadata mark", "disk", "lease"])
def test_g7_taking_signs_away_does_not_help(
        subject, agent, folder, sign):
    agent.host_is_good = False
    stripped = FakeInstance(task_state=None)
    if sign == "metadata mark":
        stripped.system_metadata["trusted_launch"] = "gold"
    elif sign == "disk":
        (folder / UUID).mkdir()
        (folder / UUID / "disk").write_bytes(
            b"QFI\xfb" + bytes(28) + b"\0\0\0\2")
    else:
        agent.leases[UUID] = {"trusted": True}
    with pytest.raises(Exception, match="release.not_affirming"):
        power_on(subject, stripped)
    NOVA._hard_reboot.assert_not_called()


def test_g4_resize_to_an_untrusted_flavor_does_not_help(subject, agent):
    instance = fakes.trusted(task_state=None)
    power_on(subject, instance)
    instance.extra_specs.clear()
    agent.host_is_good = False
    with pytest.raises(Exception, match="release.not_affirming"):
        power_on(subject, instance)


def test_guest_is_created_in_a_session_only(subject, agent):
    instance = fakes.trusted()
    with pytest.raises(Exception, match="path.refused"):
        subject._create_guest(None, "<xml/>", instance)
    NOVA._create_guest.assert_not_called()
    subject._create_guest(None, "<xml/>", FakeInstance())
    NOVA._create_guest.assert_called_once()


def test_secrets_are_lent_while_the_guest_is_created(
        subject, agent, defined):
    instance = fakes.trusted()
    order = []
    defined.side_effect = lambda *a, **k: order.append("define")
    subject._host.delete_secret.side_effect = (
        lambda *a, **k: order.append("undefine"))
    NOVA._create_guest.side_effect = lambda *a, **k: order.append("start")
    NOVA.spawn.side_effect = lambda *a, **k: subject._create_guest(
        None, "<xml/>", instance)
    spawn(subject, instance)
    assert order == ["define", "start", "undefine", "undefine"]


def test_stop_removes_secrets_and_config_drive(subject, memory):
    drive = memory / "private" / UUID / "disk.config"
    drive.parent.mkdir(parents=True)
    drive.write_text("x")
    subject._destroy(fakes.trusted())
    assert not drive.exists()
    assert subject._host.delete_secret.call_count == 2


@pytest.mark.parametrize("task_state, destroy_disks, closed", [
    ("deleting", True, True), ("deleting", False, False),
    ("rebuilding", True, False), (None, True, False)])
def test_only_a_delete_closes_the_lease(
        subject, agent, task_state, destroy_disks, closed):
    agent.leases[UUID] = {"trusted": True}
    subject.cleanup(None, fakes.trusted(task_state=task_state), None,
                    destroy_disks=destroy_disks)
    assert (UUID not in agent.leases) is closed


def test_delete_succeeds_when_the_agent_is_down(subject, agent):
    agent.stop()
    subject.cleanup(None, fakes.trusted(task_state="deleting"), None)
    NOVA.cleanup.assert_called_once()


@pytest.mark.parametrize("path, kind", [
    ("snapshot", None), ("suspend", exception.InstanceFaultRollback),
    ("resume", exception.InstanceFaultRollback)])
def test_g2_path_that_is_not_built_is_refused(subject, path, kind):
    with pytest.raises(kind or Exception, match="path.refused"):
        getattr(subject, path)(None, fakes.trusted())
    getattr(NOVA, path).assert_not_called()
    getattr(subject, path)(None, FakeInstance())
    getattr(NOVA, path).assert_called_once()


def test_shelving_is_refused_while_the_guest_still_runs(subject):
    shelved = fakes.trusted(task_state="shelving")
    with pytest.raises(Exception, match="path.refused"):
        subject.power_off(shelved, 60, 10)
    NOVA.power_off.assert_not_called()
    subject.power_off(fakes.trusted(task_state="powering-off"), 60, 10)
    subject.power_off(FakeInstance(task_state="shelving"), 60, 10)
    assert NOVA.power_off.call_count == 2
