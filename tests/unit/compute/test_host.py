# SPDX-License-Identifier: Apache-2.0
"""What touches the host: secrets, memory, config drives, refusals."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
import types

import pytest
from nova import exception
from nova.virt import configdrive as nova_configdrive

import libvirt
from nova_trusted_launch.client.agent import ReleasedKeys
from nova_trusted_launch.compute import configdrive, refusal
from nova_trusted_launch.compute import tmpfs
from nova_trusted_launch.compute.configdrive import ConfigDrives
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.compute.secrets import Secrets, uuid_of
from nova_trusted_launch.compute.session import Session, Sessions
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from tests.fakes.nova import UUID, trusted

KEYS = ReleasedKeys(b"\x0d" * 32, b"\x01" * 32, b"n" * 32, "a.b.c", 7,
                    b"\xab" * 32, "r-1")
SESSION = Session(UUID, Action.SPAWN, KEYS)


class FakeHost:
    """Nova's libvirt host: secrets by usage."""

    def __init__(self):
        self.secrets = {}
        self.fails = False

    def create_secret(self, kind, usage, *, password, uuid, **how):
        if self.fails and self.secrets:
            raise libvirt.libvirtError("no more")
        assert kind == "volume"
        assert how == {"ephemeral": True, "private": True}
        self.secrets[usage] = (uuid, password)

    def delete_secret(self, kind, usage):
        self.secrets.pop(usage, None)

    def get_connection(self):
        return types.SimpleNamespace(listAllSecrets=lambda: [
            types.SimpleNamespace(
                XMLDesc=lambda usage=usage: "<secret><usage type='volume'>"
                f"<volume>{usage}</volume></usage></secret>",
                undefine=lambda usage=usage: self.secrets.pop(usage))
            for usage in list(self.secrets)])


def test_secrets_exist_only_while_they_are_lent():
    host = FakeHost()
    with Secrets(host).lent(SESSION):
        assert host.secrets == {
            f"trusted-launch/{UUID}/disk":
                (uuid_of(UUID, "disk"), KEYS.disk_key.hex().encode()),
            f"trusted-launch/{UUID}/image":
                (uuid_of(UUID, "image"), KEYS.image_key.hex().encode())}
    assert host.secrets == {}


def test_secrets_are_gone_after_a_failure():
    host = FakeHost()
    with pytest.raises(RuntimeError), Secrets(host).lent(SESSION):
        raise RuntimeError
    assert host.secrets == {}
    host.fails = True
    with pytest.raises(libvirt.libvirtError), Secrets(host).lent(SESSION):
        pass
    assert host.secrets == {}


def test_sweep_removes_ours_and_no_others():
    host = FakeHost()
    host.secrets = {"trusted-launch/x/disk": 1, "some-volume": 2}
    assert Secrets(host).sweep() == 1
    assert host.secrets == {"some-volume": 2}


def test_secret_names_differ_and_stay_the_same():
    assert uuid_of(UUID, "disk") == uuid_of(UUID, "disk")
    assert len({uuid_of(u, r) for u in ("a", "b") for r in ("disk", "image")
                }) == 4


@pytest.fixture
def mounts(tmp_path):
    path = tmp_path / "mountinfo"
    path.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "2 1 0:2 / /run rw - tmpfs tmpfs rw\n"
        "3 1 0:3 / /run/on\\040disk rw shared:1 - xfs /dev/sdb rw\n"
        "4 1 0:4 / /var/lib/libvirt/qemu rw - tmpfs tmpfs rw\n"
        "5 1 0:5 / /over rw - tmpfs tmpfs rw\n"
        "6 5 0:6 / /over rw - ext4 /dev/sdc rw\n")
    return str(path)


@pytest.mark.parametrize("path, kind", [
    ("/run/x/y", "tmpfs"), ("/run", "tmpfs"), ("/running", "ext4"),
    ("/run/on disk/x", "xfs"), ("/var/lib/libvirt/qemu/domain-1", "tmpfs"),
    ("/var/lib/libvirt", "ext4"), ("/over/x", "ext4"), ("/", "ext4")])
def test_file_system_of_a_path(mounts, path, kind):
    assert tmpfs.filesystem_of(path, mounts) == kind


def test_folder_on_disk_is_refused(tmp_path, mounts):
    for path in (str(tmp_path), str(tmp_path / "missing")):
        with pytest.raises(TrustedLaunchRefused) as refused:
            tmpfs.demand(path, mounts=mounts)
        assert refused.value.refusal is Code.HOST_UNFIT
    tmpfs.demand("/dev/shm")


def test_link_out_of_memory_is_refused(memory):
    # Not to a temporary folder: on many systems these are in memory.
    (memory / "link").symlink_to("/proc")
    with pytest.raises(TrustedLaunchRefused):
        tmpfs.demand(str(memory / "link"))


def test_swap_that_reaches_a_disk(tmp_path):
    swaps = tmp_path / "swaps"
    swaps.write_text("Filename\tType\tSize\tUsed\tPriority\n"
                     "/dev/zram0 partition 1 0 1\n/swapfile file 1 0 -2\n")
    assert tmpfs.swap_devices(str(swaps)) == ["/swapfile"]


class FakeMetadata:
    """Nova's instance metadata, which needs a database."""

    def __init__(self, instance, **kwargs):
        self.given = kwargs

    def metadata_for_config_drive(self):
        yield "openstack/latest/meta_data.json", b"{}"


@pytest.fixture
def drives(memory, monkeypatch):
    monkeypatch.setattr(configdrive.instance_metadata, "InstanceMetadata",
                        FakeMetadata)
    return ConfigDrives(str(memory / "drives"))


def test_config_drive_holds_nonce_and_receipt(drives, memory):
    drives.build(trusted(), SESSION, None)
    path = drives.path(UUID)
    found = subprocess.run(
        ["isoinfo", "-R", "-i", path, "-x",
         "/openstack/trusted_launch.json"], check=True, capture_output=True)
    assert json.loads(found.stdout) == {
        "instance_id": UUID, "release_id": "r-1", "action": "spawn",
        "nonce": "bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4",
        "receipt": "a.b.c", "log_index": 7, "image_digest": "ab" * 32}
    assert KEYS.disk_key.hex().encode() not in pathlib.Path(path).read_bytes()
    # Neither Nova's temporary tree nor anything else stays beside it.
    assert [p.name for p in (memory / "drives" / UUID).iterdir()] == [
        "disk.config"]
    assert drives.known() == [UUID]
    drives.forget(UUID)
    assert drives.known() == []
    drives.forget(UUID)


def test_config_drive_tree_is_in_memory(drives, memory, monkeypatch):
    seen = []
    stock = nova_configdrive.ConfigDriveBuilder._make_iso9660
    monkeypatch.setattr(
        nova_configdrive.ConfigDriveBuilder, "_make_iso9660",
        lambda self, path, tree: (seen.append(tree),
                                  stock(self, path, tree)))
    drives.build(trusted(), SESSION, None)
    assert seen[0].startswith(str(memory))


def test_config_drive_on_a_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tmpfs, "_MEMORY", frozenset({"ramfs"}))
    with pytest.raises(TrustedLaunchRefused) as refused:
        ConfigDrives(str(tmp_path / "x")).build(trusted(), SESSION, None)
    assert refused.value.refusal is Code.HOST_UNFIT


@pytest.mark.parametrize("code, kind", [
    (Code.RELEASE_NOT_AFFIRMING, exception.ComputeResourcesUnavailable),
    (Code.AGENT_UNAVAILABLE, exception.ComputeResourcesUnavailable),
    (Code.HOST_UNFIT, exception.ComputeResourcesUnavailable),
    (Code.IMAGE_CHANGED, exception.BuildAbortException),
    (Code.TOKEN_SPENT, exception.BuildAbortException),
    (Code.RELEASE_WRONG_PROJECT, exception.BuildAbortException),
    ("some.new_code", exception.BuildAbortException)])
def test_refusal_tells_nova_what_to_do(code, kind):
    raised = refusal.of_build(TrustedLaunchRefused(code, "Because."), UUID)
    assert type(raised) is kind
    text = raised.format_message()
    assert str(code) in text and "Because." in text


@pytest.mark.parametrize("code", list(Code))
def test_advice_fits_into_what_nova_keeps_of_a_fault(code):
    raised = refusal.of_build(
        TrustedLaunchRefused(code, "register 4 differs " * 40), UUID)
    text = raised.format_message()
    assert len(text) <= 255
    assert "register 4 differs" in text and code.action in text


def test_kept_session_is_taken_once_and_not_for_ever(monkeypatch):
    sessions = Sessions()
    sessions.keep(SESSION)
    assert sessions.take("another") is None
    assert sessions.take(UUID) is SESSION
    assert sessions.take(UUID) is None
    sessions.keep(SESSION)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1000)
    assert sessions.take(UUID) is None


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrustedLaunchRefused) as refused:
        ConfigDrives(str(tmp_path / "file" / "x")).demand_memory()
    assert refused.value.refusal is Code.HOST_UNFIT
