# SPDX-License-Identifier: Apache-2.0
"""Images below trusted disks: right bytes, right format, or none."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess

import pytest

from nova_trusted_launch.compute import bases
from nova_trusted_launch.compute.bases import Bases, Wanted
from nova_trusted_launch.compute.imagecache import TrustedImageCacheManager
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.images import encrypt
from nova_trusted_launch.wire.codes import Code
from tests.fakes.nova import IMAGE

KEY = b"\x07" * 32


@pytest.fixture(scope="module")
def ciphertext(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    (folder / "plain").write_bytes(os.urandom(300_000).ljust(1 << 20, b"\0"))
    return encrypt.encrypt(folder / "plain", folder / "x", KEY
                           ).path.read_bytes()


@pytest.fixture
def cache(folder, images, ciphertext):
    images.data[IMAGE] = ciphertext
    return Bases(images, 100_000)


def wanted(data, *, encrypted=True, declared="qcow2"):
    return Wanted(IMAGE, hashlib.sha256(data).digest(), encrypted, declared)


def refused(cache, want):
    with pytest.raises(TrustedLaunchRefused) as found:
        cache.ensure(None, want)
    return found.value.refusal


def test_image_is_fetched_once_and_unchanged(cache, images, ciphertext):
    for _ in range(3):
        base = cache.ensure(None, wanted(ciphertext))
    assert images.downloads == [IMAGE]
    with open(base.path, "rb") as file:
        assert file.read() == ciphertext
    assert (base.format, base.size, base.encrypted) == (
        "qcow2", 1 << 20, True)


def test_f1_image_changed_in_glance_is_refused(cache, images, ciphertext):
    images.data[IMAGE] = ciphertext[:-1] + b"!"
    assert refused(cache, wanted(ciphertext)) is Code.IMAGE_CHANGED
    assert os.listdir(bases.cache_dir()) == []


def test_f1_image_changed_in_the_cache_is_refused(cache, ciphertext):
    path = cache.ensure(None, wanted(ciphertext)).path
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(300_000)
        file.write(b"changed")
    # Setting the time back does not hide it.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert refused(cache, wanted(ciphertext)) is Code.IMAGE_CHANGED


def test_f1_file_put_in_place_of_the_cached_one_is_refused(
        cache, ciphertext, tmp_path):
    path = cache.ensure(None, wanted(ciphertext)).path
    (tmp_path / "other").write_bytes(ciphertext[:-1] + b"!")
    os.rename(tmp_path / "other", path)
    assert refused(cache, wanted(ciphertext)) is Code.IMAGE_CHANGED


def test_verified_file_is_not_read_again(cache, ciphertext, monkeypatch):
    cache.ensure(None, wanted(ciphertext))
    monkeypatch.setattr(bases, "_hash", None)
    cache.ensure(None, wanted(ciphertext))


def test_new_process_reads_the_file_again(folder, images, ciphertext, cache):
    cache.ensure(None, wanted(ciphertext))
    later = Bases(images, 100_000)
    assert later.ensure(None, wanted(ciphertext)).encrypted
    assert images.downloads == [IMAGE]


def test_f2_encrypted_image_without_a_digest_is_refused(cache):
    assert refused(cache, Wanted(IMAGE, None, True, "qcow2")) is (
        Code.IMAGE_REFUSED)


def test_f4_encrypted_image_whose_key_id_was_removed(cache, ciphertext):
    assert refused(cache, wanted(ciphertext, encrypted=False)) is (
        Code.IMAGE_REFUSED)


def test_plain_image_in_place_of_an_encrypted_one(cache, images):
    images.data[IMAGE] = bytes(1 << 20)
    assert refused(cache, wanted(bytes(1 << 20))) is Code.IMAGE_REFUSED


def test_f3_hostile_iterations_are_refused(cache, images, ciphertext):
    slot = 3 * 65536 + 208
    data = (ciphertext[:slot + 4] + struct.pack(">I", 4_000_000_000)
            + ciphertext[slot + 8:])
    images.data[IMAGE] = data
    assert refused(cache, wanted(data)) is Code.IMAGE_REFUSED


@pytest.mark.parametrize("declared, make", [
    ("raw", ["qcow2"]), ("qcow2", ["raw"]), ("iso", ["raw"]),
    ("vmdk", ["vmdk"]), ("vhd", ["vpc"]), (None, ["raw"])])
def test_f3_declared_format_has_to_be_the_real_one(
        cache, images, tmp_path, declared, make):
    path = tmp_path / "made"
    subprocess.run(["qemu-img", "create", "-q", "-f", *make, str(path),
                    "1M"], check=True)
    data = images.data[IMAGE] = path.read_bytes()
    assert refused(cache, wanted(data, encrypted=False, declared=declared)
                   ) is Code.IMAGE_REFUSED


def test_f3_backing_file_is_refused(cache, images, tmp_path):
    path = tmp_path / "made"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
                    "-u", "-b", "/etc/shadow", str(path), "1M"], check=True)
    data = images.data[IMAGE] = path.read_bytes()
    assert refused(cache, wanted(data, encrypted=False)) is (
        Code.IMAGE_REFUSED)


@pytest.mark.parametrize("kind", ["raw", "qcow2"])
def test_plain_image_is_accepted_with_its_digest(
        cache, images, tmp_path, kind):
    path = tmp_path / "made"
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(path), "1M"],
                   check=True)
    data = images.data[IMAGE] = path.read_bytes()
    base = cache.ensure(None, wanted(data, encrypted=False, declared=kind))
    assert (base.format, base.size, base.encrypted) == (kind, 1 << 20, False)


def test_prefetch_believes_nothing(cache, images, ciphertext):
    assert cache.prefetch(None, IMAGE)
    assert not cache.prefetch(None, IMAGE)
    cache.ensure(None, wanted(ciphertext))
    assert refused(cache, wanted(b"other")) is Code.IMAGE_CHANGED


def test_failed_download_leaves_nothing(cache, images):
    images.data.clear()
    with pytest.raises(KeyError):
        cache.ensure(None, Wanted(IMAGE, None, False))
    assert os.listdir(bases.cache_dir()) == []


def test_cache_manager_keeps_what_is_in_use_and_does_not_touch_it(
        cache, ciphertext):
    path = cache.ensure(None, wanted(ciphertext)).path
    manager = TrustedImageCacheManager()
    manager._reset_state()
    manager._scan_base_images(bases.cache_dir())
    assert manager.originals == manager.unexplained_images == [path]
    before = os.stat(path).st_ctime_ns
    manager.used_images = {IMAGE: (1, 0, ["instance-1"])}
    fingerprint = os.path.basename(path).removesuffix(bases.SUFFIX)
    assert list(manager._find_base_file(bases.cache_dir(), fingerprint)) == [
        path]
    manager._mark_in_use(IMAGE, path)
    assert manager.unexplained_images == []
    assert os.stat(path).st_ctime_ns == before
