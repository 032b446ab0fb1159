# SPDX-License-Identifier: Apache-2.0
"""What Nova's driver does beside starting guests, and what it must leave.

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

from nova_trusted_launch.compute import ended, lastwords
from nova_trusted_launch.wire.codes import Code
from tests.fakes import nova as fakes
from tests.fakes.nova import UUID, FakeInstance

CONF = nova.conf.CONF
NOVA = libvirt_driver.LibvirtDriver


def spawn(subject, instance, **kwargs):
    subject.spawn(None, instance, "meta", [], "pass", {}, **kwargs)


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
