# SPDX-License-Identifier: Apache-2.0
"""Trusted disks, made and opened by the real qemu-img."""

from __future__ import annotations

import hashlib
import os

import nova.conf
import pytest
from lxml import etree
from nova import exception
from nova.virt.libvirt import imagebackend

from nova_trusted_launch.client.agent import ReleasedKeys
from nova_trusted_launch.compute import bases, disks
from nova_trusted_launch.compute.bases import Bases
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.compute.secrets import DISK, IMAGE, uuid_of
from nova_trusted_launch.compute.session import Session, Sessions
from nova_trusted_launch.images import encrypt, qcow2, qemu
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from tests.fakes import nova as fakes

CONF = nova.conf.CONF
DISK_KEY, IMAGE_KEY = b"\x0d" * 32, b"\x01" * 32
MARKER = b"PLAINTEXT-OF-THE-TENANT " * 100
MAPPING = {"bus": "virtio", "dev": "vda", "type": "disk"}


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "plain"
    path.write_bytes(MARKER.ljust(1 << 20, b"\0"))
    return path


def session(image_key=IMAGE_KEY, digest=None):
    return Session(fakes.UUID, Action.SPAWN, ReleasedKeys(
        DISK_KEY, image_key, b"n" * 32, "a.b.c", 1, digest, "r-1"))


class Lab:
    """A backend with one instance, whose session a test opens."""

    def __init__(self, folder, images, data, image_key=IMAGE_KEY,
                 instance=None):
        images.data[fakes.IMAGE] = data
        self.instance = instance or fakes.encrypted_image()
        self.session = session(image_key, hashlib.sha256(data).digest())
        self.sessions = Sessions()
        self.backend = disks.TrustedBackend(
            True, bases=Bases(images, 100_000), sessions=self.sessions,
            trusted=lambda i: bool(i.extra_specs),
            private_path=lambda uuid, name: f"/dev/shm/{uuid}/{name}")
        os.makedirs(folder / fakes.UUID)
        self.path = folder / fakes.UUID / "disk"

    def disk(self, name="disk", mapping=None):
        return self.backend.by_name(self.instance, name,
                                    disk_info_mapping=mapping)

    def make(self, size=2 << 20):
        with self.sessions.held(self.session):
            self.disk().cache(None, "ignored", size=size, context=None,
                              image_id=fakes.IMAGE, trusted_certs=None)
        return self.path


@pytest.fixture
def lab(folder, images, plain, tmp_path):
    made = encrypt.encrypt(plain, tmp_path / "image", IMAGE_KEY)
    return Lab(folder, images, made.path.read_bytes())


@pytest.fixture
def plain_lab(folder, images, plain):
    return Lab(folder, images, plain.read_bytes(), None, fakes.trusted(
        system_metadata={"image_disk_format": "raw"}))


def read_back(lab, tmp_path, below):
    back = tmp_path / "back"
    options = {"driver": "qcow2", "file.driver": "file",
               "file.filename": str(lab.path), "encrypt.key-secret": "disk",
               **{f"backing.{k}": v for k, v in below.items()}}
    qemu.run("convert", ["--image-opts", qemu.options(options), "-O", "raw",
                         str(back)],
             secrets={"disk": encrypt.passphrase(DISK_KEY),
                      "image": encrypt.passphrase(IMAGE_KEY)})
    return back.read_bytes()


def everything(folder):
    return [p.read_bytes() for p in folder.rglob("*") if p.is_file()]


def test_root_disk_over_an_encrypted_image(lab, tmp_path):
    lab.make()
    base = bases.path_of(fakes.IMAGE)
    found = read_back(lab, tmp_path, {
        "driver": "qcow2", "file.driver": "file", "file.filename": base,
        "encrypt.key-secret": "image"})
    assert found.startswith(MARKER) and len(found) == 2 << 20


def test_f7_no_plaintext_in_cache_and_instance_folder(lab, folder, plain):
    lab.make()
    plain.unlink()
    assert not any(MARKER[:24] in data for data in everything(folder))


def test_root_disk_over_a_plain_image_is_encrypted(plain_lab, tmp_path):
    plain_lab.make()
    base = bases.path_of(fakes.IMAGE)
    assert disks.encrypted(str(plain_lab.path))
    found = read_back(plain_lab, tmp_path, {
        "driver": "raw", "file.driver": "file", "file.filename": base})
    assert found.startswith(MARKER) and len(found) == 2 << 20


def test_image_larger_than_the_flavor_is_refused(lab):
    with pytest.raises(exception.FlavorDiskSmallerThanImage):
        lab.make(size=1024)
    assert not lab.path.exists()


def test_second_start_keeps_the_disk(lab):
    before = lab.make().read_bytes()
    assert lab.make().read_bytes() == before


def test_disk_grows_with_its_key_only(lab):
    lab.make()
    lab.make(size=8 << 20)
    with lab.path.open("rb") as file:
        assert qcow2.parse(file, backing=True).size == 8 << 20
    with pytest.raises(TrustedLaunchRefused):
        lab.disk().resize_image(9 << 20)


def test_f1_changed_image_makes_no_disk(lab, images):
    images.data[fakes.IMAGE] += b"!"
    with pytest.raises(TrustedLaunchRefused) as refused:
        lab.make()
    assert refused.value.refusal is Code.IMAGE_CHANGED
    assert not lab.path.exists()


def test_foreign_disk_in_place_of_ours_is_refused(lab):
    lab.make()
    qemu.run("create", ["-q", "-f", "qcow2", str(lab.path), "2M"])
    with pytest.raises(TrustedLaunchRefused) as refused:
        lab.make()
    assert refused.value.refusal is Code.IMAGE_REFUSED


def test_without_session_a_disk_is_not_made(lab):
    with pytest.raises(TrustedLaunchRefused) as refused:
        lab.disk().cache(None, "x", context=None, image_id=fakes.IMAGE)
    assert refused.value.refusal is Code.PATH_REFUSED


def test_killed_while_making_leaves_no_half_disk(lab, monkeypatch):
    lab.make().unlink()

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            lab.make()
    assert not lab.path.exists()
    assert disks.encrypted(str(lab.make()))


@pytest.mark.parametrize("name", ["disk.local", "disk.eph1", "disk.swap"])
def test_ephemeral_and_swap_are_encrypted_too(lab, folder, name):
    def template(target, **kwargs):
        with open(target, "wb") as file:
            file.truncate(1 << 20)

    with lab.sessions.held(lab.session):
        lab.disk(name).cache(template, "swap_1", size=1 << 20, context=None,
                             swap_mb=1, safe=True)
    assert disks.encrypted(str(folder / fakes.UUID / name))


def test_xml_describes_the_whole_chain(lab):
    lab.make()
    disk = lab.disk(mapping=MAPPING).libvirt_info("none", {})
    xml = etree.fromstring(disk.to_xml())
    secret = "encryption[@format='luks']/secret[@type='passphrase']"
    assert xml.find(f"source/{secret}").get("uuid") == uuid_of(
        fakes.UUID, DISK)
    store = xml.find("backingStore")
    assert store.find("format").get("type") == "qcow2"
    assert store.find("source").get("file") == bases.path_of(fakes.IMAGE)
    assert store.find(f"source/{secret}").get("uuid") == uuid_of(
        fakes.UUID, IMAGE)
    assert store.find("backingStore") is not None
    assert DISK_KEY.hex() not in disk.to_xml()


def test_xml_over_a_plain_image_has_no_second_key(plain_lab):
    plain_lab.make()
    disk = plain_lab.disk(mapping=MAPPING).libvirt_info("none", {})
    store = etree.fromstring(disk.to_xml()).find("backingStore")
    assert store.find("format").get("type") == "raw"
    assert store.find("source/encryption") is None


def test_describing_a_disk_leaves_no_trace(lab, folder):
    (folder / fakes.UUID).rmdir()
    lab.disk()
    assert not (folder / fakes.UUID).exists()


def test_other_instances_have_novas_own_disks(lab):
    lab.instance = fakes.FakeInstance()
    assert type(lab.disk()) is imagebackend.Qcow2


def test_config_drive_of_a_trusted_instance_is_in_memory(lab):
    drive = lab.disk("disk.config")
    assert drive.path.startswith("/dev/shm/")
    assert drive.driver_format == "raw"


def test_rescue_disk_is_the_own_image_again(lab, folder):
    with lab.sessions.held(lab.session):
        lab.disk("disk.rescue").cache(
            None, "x", context=None, image_id=fakes.IMAGE)
        with pytest.raises(TrustedLaunchRefused) as refused:
            lab.disk("disk.rescue").cache(
                None, "x", context=None, image_id="another")
    assert refused.value.refusal is Code.IMAGE_REFUSED
    assert disks.encrypted(str(folder / fakes.UUID / "disk.rescue"))


@pytest.mark.parametrize("name", ["kernel", "ramdisk", "kernel.rescue"])
def test_kernel_is_refused(lab, name):
    with (lab.sessions.held(lab.session),
          pytest.raises(TrustedLaunchRefused)):
        lab.disk(name).cache(None, "x", context=None)


def test_image_gone_from_glance_comes_from_another_host(lab, images):
    ciphertext = images.data.pop(fakes.IMAGE)

    def copy(target):
        with open(target, "wb") as file:
            file.write(ciphertext)

    def lie(target):
        with open(target, "wb") as file:
            file.write(ciphertext[:-1] + b"!")

    with lab.sessions.held(lab.session):
        with pytest.raises(TrustedLaunchRefused) as refused:
            lab.disk().cache(fetch_func=lie, size=2 << 20, filename="x")
        assert refused.value.refusal is Code.IMAGE_CHANGED
        os.unlink(bases.path_of(fakes.IMAGE))
        lab.disk().cache(fetch_func=copy, size=2 << 20, filename="x")
    assert disks.encrypted(str(lab.path))


@pytest.mark.parametrize("content, says", [
    (None, False), (b"", False), (b"QFI\xfb", False),
    (b"QFI\xfb" + bytes(28) + b"\0\0\0\2", True),
    (b"QFI\xfb" + bytes(28) + b"\0\0\0\0", False)])
def test_damaged_encrypted_disk_is_still_a_sign(tmp_path, content, says):
    path = tmp_path / "disk"
    if content is not None:
        path.write_bytes(content)
    assert disks.encrypted(str(path)) is says
