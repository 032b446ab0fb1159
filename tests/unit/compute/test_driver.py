# SPDX-License-Identifier: Apache-2.0
"""Every way to power of Nova's driver passes the gate.

Mocks stand for Nova's own driver class only: what it does with a guest is
tried on the real cloud (tests/cloud).
"""

from __future__ import annotations

import types
from unittest import mock

import nova.conf
import pytest
from nova import exception
from nova.compute import vm_states
from nova.virt.libvirt import driver as libvirt_driver

from nova_trusted_launch.compute import (
    configdrive, driver, ended, hints, lastwords)
from nova_trusted_launch.wire.codes import Code
from tests.fakes import nova as fakes
from tests.fakes.nova import UUID, FakeInstance

CONF = nova.conf.CONF
NOVA = libvirt_driver.LibvirtDriver


@pytest.fixture
def defined():
    """Nova's own way to define a secret in libvirt."""
    return mock.Mock()


@pytest.fixture
def subject(folder, agent, images, defined, monkeypatch):
    """Our driver over a driver of Nova that does nothing."""
    def init(self, virtapi, read_only=False):
        self._host = mock.Mock(create_secret=defined)
        self._host.get_guest.side_effect = exception.InstanceNotFound(
            instance_id=UUID)
        self._image_api = images
        self.virtapi = virtapi

    monkeypatch.setattr(NOVA, "__init__", init)
    monkeypatch.setattr(configdrive.ConfigDrives, "build", mock.Mock())
    monkeypatch.setattr(hints, "of", lambda context, instance: {})
    for name in ("spawn", "_hard_reboot", "_create_guest", "_destroy",
                 "cleanup", "_soft_reboot",
                 "post_live_migration_at_destination",
                 "_clean_shutdown", "snapshot", "power_off",
                 "suspend", "resume", "rescue", "unrescue",
                 "migrate_disk_and_power_off", "finish_migration",
                 "finish_revert_migration", "pre_live_migration",
                 "check_can_live_migrate_destination", "live_migration",
                 "check_can_live_migrate_source", "cache_image",
                 "_create_configdrive", "_connect_volume"):
        monkeypatch.setattr(NOVA, name, mock.Mock(name=name),
                            raising=True)
    subject = driver.LibvirtDriver(None)
    monkeypatch.setattr(subject.image_backend, "by_name", mock.Mock())
    return subject


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


def test_host_without_memory_folders_starts_nothing(subject, agent, folder):
    CONF.set_override("libvirt_state_path", str(folder),
                      group="trusted_launch")
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


def test_encrypted_image_is_cached_as_it_is(subject, images):
    images.data[fakes.IMAGE] = b"ciphertext"
    images.properties[fakes.IMAGE] = {"trusted_launch_key_id": "k"}
    assert subject.cache_image(None, fakes.IMAGE)
    assert images.downloads == [fakes.IMAGE]
    NOVA.cache_image.assert_not_called()
    subject.cache_image(None, "another")
    NOVA.cache_image.assert_called_once()


def test_volume_secret_of_a_trusted_instance_takes_a_release(
        subject, agent):
    agent.host_is_good = False
    with pytest.raises(Exception, match="release.not_affirming"):
        subject._permit(fakes.trusted())
    agent.host_is_good = True
    subject._permit(fakes.trusted())
    assert agent.actions == ["secret", "secret"]
    subject._permit(FakeInstance())
    assert agent.actions == ["secret", "secret"]


def test_start_of_nova_removes_what_was_left(
        subject, memory, monkeypatch):
    monkeypatch.setattr(NOVA, "init_host", mock.Mock())
    monkeypatch.setattr(ended.objects.InstanceList, "get_by_host",
                        mock.Mock(return_value=[]))
    secret = mock.Mock()
    secret.XMLDesc.return_value = (
        f"<secret><usage><volume>trusted-launch/{UUID}/disk</volume>"
        "</usage></secret>")
    subject._host.get_connection().listAllSecrets.return_value = [secret]
    subject._host.list_instance_domains.return_value = [
        types.SimpleNamespace(UUIDString=lambda: "running")]
    for name in (UUID, "running"):
        (memory / "private" / name).mkdir(parents=True)
    subject.init_host("host-a")
    secret.undefine.assert_called_once()
    assert [p.name for p in (memory / "private").iterdir()] == ["running"]


@pytest.fixture
def nova_compute(subject, monkeypatch):
    """The part of nova-compute that hands a refused build to the conductor;
    it has one host more to try for each of ``hosts``."""
    passed_on, fault = mock.Mock(), mock.Mock()
    conductor = types.SimpleNamespace(build_instances=passed_on)
    monkeypatch.setattr(lastwords.compute_utils,
                        "add_instance_fault_from_exc", fault)
    monkeypatch.setattr(lastwords.compute_utils, "delete_arqs_if_needed",
                        mock.Mock())
    subject._last_words.listen(types.SimpleNamespace(
        _compute=types.SimpleNamespace(compute_task_api=conductor)))

    def build(instance, hosts):
        passed_on.reset_mock()
        fault.reset_mock()
        with pytest.raises(Exception, match=r"\."):
            spawn(subject, instance)
        conductor.build_instances(None, [instance], "image", {},
                                  host_lists=[hosts])
        return passed_on, fault

    return build


def test_refused_by_the_last_host_ends_with_its_words(nova_compute, agent):
    agent.host_is_good = False
    instance = fakes.trusted()
    passed_on, fault = nova_compute(instance, [])
    passed_on.assert_not_called()
    assert "release.not_affirming" in fault.call_args.kwargs["fault_message"]
    assert (instance.vm_state, instance.task_state) == ("error", None)


def test_refused_with_a_host_left_goes_on_there(nova_compute, agent):
    agent.host_is_good = False
    instance = fakes.trusted()
    passed_on, fault = nova_compute(instance, ["another"])
    passed_on.assert_called_once_with(
        None, [instance], "image", {}, host_lists=[["another"]])
    fault.assert_not_called()
    assert instance.vm_state == "building"


def test_other_failure_is_left_to_nova(nova_compute):
    NOVA.spawn.side_effect = exception.ComputeResourcesUnavailable(
        reason="no memory")
    passed_on, fault = nova_compute(FakeInstance(), [])
    passed_on.assert_called_once()
    fault.assert_not_called()


def test_last_words_are_not_kept_for_ever(subject):
    words = lastwords.LastWords()
    refused = lastwords.TrustedLaunchRefused(Code.HOST_UNFIT, "why")
    for number in range(1000):
        words.note(str(number), refused)
    assert words.take("999") is refused
    assert words.take("999") is None
    assert words.take("0") is None


def test_unknown_nova_compute_is_left_alone(subject, caplog):
    subject._last_words.listen(None)
    assert "Nova's own" in caplog.text


def test_builds_that_ended_with_nova_are_explained(subject, monkeypatch):
    half, done = fakes.trusted(), fakes.trusted()
    plain = FakeInstance()
    half.vm_state = plain.vm_state = vm_states.BUILDING
    done.vm_state = vm_states.ACTIVE
    monkeypatch.setattr(ended.objects.InstanceList, "get_by_host",
                        mock.Mock(return_value=[half, done, plain]))
    fault = mock.Mock()
    monkeypatch.setattr(ended.compute_utils, "add_instance_fault_from_exc",
                        fault)
    assert ended.explain("host-a", subject.trusted) == 1
    (_, told, why), _ = fault.call_args
    assert told is half
    assert "launch it again" in str(why)


def test_config_drive_in_memory_is_no_disk_to_copy(subject, monkeypatch):
    stock = mock.Mock(side_effect=lambda config, info: [
        d.source_path for d in config.devices])
    monkeypatch.setattr(NOVA, "_get_instance_disk_info_from_config", stock)
    private = CONF.trusted_launch.private_path
    config = types.SimpleNamespace(devices=[
        types.SimpleNamespace(source_path=p)
        for p in ("/disks/disk", f"{private}/x/disk.config", None)])
    assert subject._get_instance_disk_info_from_config(config, None) == [
        "/disks/disk", None]
