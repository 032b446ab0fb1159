# SPDX-License-Identifier: Apache-2.0
"""Images that are not what was registered never start.

Each attack is made on the host's image cache or on Glance's own store, so
that nobody before the driver can catch it.
"""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.cloud.conftest import PROFILE, cached_image
from tools.cloud import lab

HOST = lab.HOSTS[-1]


def _flip(path, at=-1000):
    with open(path, "r+b") as file:
        file.seek(at, 2 if at < 0 else 0)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))


@pytest.fixture
def upload(cloud):
    """Upload ciphertext a second time, with properties to choose."""
    made = []

    def upload(name, user=None, user_file=None, **properties):
        user = user or cloud.admin
        image = user.upload(name, user_file or cloud.made.path, properties)
        made.append((user, image))
        return image

    yield upload
    for user, image in made:
        user.conn.image.delete_image(image, ignore_missing=True)


@pytest.fixture
def key(cloud):
    """A key of admin's for the ciphertext, under a policy to choose."""
    made = []

    def key(**policy):
        made.append(cloud.admin.trusted.key_create(
            "e2e-other", cloud.secret, {"profile": PROFILE, **policy})["id"])
        return made[-1]

    yield key
    for key_id in made:
        cloud.admin.trusted.key_delete(key_id)


@pytest.fixture
def cached(cloud):
    """Put a file into the cache of HOST in an image's place."""
    made = []

    def put(image, source):
        path = cached_image(HOST, image.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        made.append(path)
        return path

    yield put
    for path in made:
        path.unlink(missing_ok=True)


def test_smoke_f1_image_changed_in_the_cache(cloud, cached, server_of):
    _flip(cached(cloud.image, cloud.made.path))
    server = server_of("f1-cache", host=HOST)
    assert server.status == "ERROR"
    assert "image.changed" in cloud.why(server)


def test_f1_image_changed_in_glance(cloud, upload, key, server_of):
    image = upload(
        "e2e-f1", trusted_launch_profile=PROFILE, trusted_launch_key_id=key(
            image_digest=cloud.made.digest.hex()))
    _flip(lab.CLOUD / "glance" / "images" / image.id)
    server = server_of("f1-glance", image)
    assert server.status == "ERROR"


def test_f2_no_digest_registered_property_and_glance_hash_ignored(
        cloud, upload, key, server_of):
    image = upload(
        "e2e-f2", trusted_launch_profile=PROFILE, trusted_launch_key_id=key(),
        trusted_launch_digest=cloud.made.digest.hex())
    server = server_of("f2", image, host=HOST)
    assert server.status == "ERROR"
    assert "digest" in cloud.why(server)


@pytest.mark.parametrize("extra", [
    ["-b", "/etc/shadow", "-F", "raw"],
    ["-o", "data_file=/etc/shadow,data_file_raw=on"]],
    ids=["backing-file", "data-file"])
def test_f3_qcow2_that_names_another_file(
        cloud, upload, cached, server_of, extra):
    file = cloud.folder / "f3.qcow2"
    options = [e.replace("/etc/shadow", str(cloud.folder / "else"))
               for e in extra]
    (cloud.folder / "else").write_bytes(bytes(1 << 20))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options,
                    file, "1M"], check=True)
    image = upload("e2e-f3", user_file=lab.PLAIN_DISK)
    cached(image, file)
    server = server_of("f3", image, host=HOST)
    assert server.status == "ERROR"
    assert "image.refused" in cloud.why(server)


def test_f3_raw_declared_as_qcow2(cloud, upload, cached, server_of):
    file = cloud.folder / "f3.raw"
    file.write_bytes(bytes(1 << 20))
    image = upload("e2e-f3", user_file=lab.PLAIN_DISK)
    cached(image, file)
    server = server_of("f3-raw", image, host=HOST)
    assert server.status == "ERROR"
    assert "image.refused" in cloud.why(server)


def test_f4_key_id_removed(cloud, upload, server_of):
    image = upload("e2e-f4")
    server = server_of("f4-removed", image, host=HOST)
    assert server.status == "ERROR"
    assert "names no key" in cloud.why(server)


def test_f4_key_of_another_tenant(cloud, upload, key):
    image = upload(
        "e2e-f4", cloud.alice, trusted_launch_profile=PROFILE,
        trusted_launch_key_id=key(image_digest=cloud.made.digest.hex()))
    server = cloud.alice.boot("e2e-f4-alice", image.id, "e2e.trusted")
    fault = (server.fault or {}).get("message", "")
    reason = lab.release_reason(cloud.alice, server.id)
    cloud.alice.remove(server.id)
    assert server.status == "ERROR"
    assert "release.wrong_project" in fault + reason


def test_f5_luks_header_of_another_image(cloud, cached, server_of):
    _, other, _ = cloud.admin.encrypt(
        "e2e-f5", cloud.disk, PROFILE, cloud.folder)
    path = cached(cloud.image, cloud.made.path)
    with open(other.path, "rb") as source, open(path, "r+b") as target:
        target.write(source.read(2 << 20))
    server = server_of("f5", host=HOST)
    assert server.status == "ERROR"
    assert "image.changed" in cloud.why(server)
