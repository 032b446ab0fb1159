# SPDX-License-Identifier: Apache-2.0
"""LUKS in qcow2: made by us, judged by qemu-img and cryptsetup."""

from __future__ import annotations

import os
import pathlib
import struct
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_trusted_launch.images import encrypt, luks, qcow2, qemu

KEY = bytes(range(32))
PASS = encrypt.passphrase(KEY)
OTHER = encrypt.passphrase(b"\xee" * 32)
MARKER = b"MARKER-OF-THE-PLAINTEXT-" * 30


@pytest.fixture
def disk(tmp_path):
    """A raw disk of 9 MB with data at both ends and a hole between."""
    path = tmp_path / "disk.raw"
    with path.open("wb") as file:
        file.write(os.urandom(4096) + MARKER)
        file.seek(9 * 1024 * 1024 - 512)
        file.write(MARKER[:512])
    return path


def check(path, passphrase):
    qemu.run("check", ["--image-opts", qemu.encrypted(str(path), "k")],
             secrets={"k": passphrase})


def make(path, size=1 << 30, passphrase=PASS, backing=None):
    with open(path, "x+b") as file:
        qcow2.create(file, size, passphrase, os.urandom, backing=backing)
    return path


def info(path):
    out = subprocess.run(["qemu-img", "info", str(path)], check=True,
                         capture_output=True, text=True)
    return out.stdout


@pytest.mark.parametrize("size", [
    512, 1 << 20, (512 << 20) - 512, 512 << 20, 10 << 30, 8 << 40])
def test_qemu_accepts_what_we_make(tmp_path, size):
    path = make(tmp_path / "x", size)
    check(path, PASS)
    assert f"({size} bytes)" in info(path)


def test_wrong_key_does_not_open(tmp_path):
    path = make(tmp_path / "x")
    with pytest.raises(qemu.QemuError, match="(?i)password|key"):
        check(path, OTHER)


def test_two_headers_share_nothing(tmp_path):
    one, two = (luks.make_header(PASS, os.urandom) for _ in "ab")
    assert luks.open_header(one, PASS) != luks.open_header(two, PASS)
    with pytest.raises(luks.LuksError):
        luks.open_header(one, OTHER)


def test_cryptsetup_accepts_the_header(tmp_path):
    path = tmp_path / "header"
    path.write_bytes(luks.make_header(PASS, os.urandom).ljust(
        luks.HEADER_SIZE + 4096, b"\0"))
    subprocess.run(["cryptsetup", "luksOpen", "--test-passphrase",
                    "--key-file=-", str(path)], input=PASS, check=True)
    refused = subprocess.run(
        ["cryptsetup", "luksOpen", "--test-passphrase", "--key-file=-",
         str(path)], input=OTHER, capture_output=True, check=False)
    assert refused.returncode


def test_image_is_encrypted_and_comes_back(disk, tmp_path):
    seen = []
    made = encrypt.encrypt(disk, tmp_path / "x", KEY, seen.append)
    assert seen and seen[-1] == 1.0
    assert made.virtual_size == 9 * 1024 * 1024
    assert MARKER[:24] not in made.path.read_bytes()
    assert made.digest == encrypt.digest(made.path)
    assert made.path.stat().st_mode & 0o077 == 0
    # The hole stays one.
    assert made.path.stat().st_blocks * 512 < 4 << 20
    back = tmp_path / "back"
    qemu.run("convert", ["--image-opts", qemu.encrypted(str(made.path), "k"),
                         "-O", "raw", str(back)], secrets={"k": PASS})
    assert back.read_bytes() == disk.read_bytes()


def test_qcow2_source_and_odd_sizes(disk, tmp_path):
    source = tmp_path / "disk,with=comma.qcow2"
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(disk),
                    str(source)], check=True)
    made = encrypt.encrypt(source, tmp_path / "x", KEY)
    assert made.virtual_size == 9 * 1024 * 1024
    odd = tmp_path / "odd"
    odd.write_bytes(b"x" * 1000)
    assert encrypt.encrypt(odd, tmp_path / "y", KEY).virtual_size == 1024


def test_failure_leaves_no_file(disk, tmp_path, monkeypatch):
    monkeypatch.setattr(qemu, "PROGRAM", "qemu-img-that-is-not-there")
    with pytest.raises(qemu.QemuError, match="qemu-utils"):
        encrypt.encrypt(disk, tmp_path / "x", KEY)
    assert not (tmp_path / "x").exists()
    (tmp_path / "y").write_text("mine")
    with pytest.raises(FileExistsError):
        encrypt.encrypt(disk, tmp_path / "y", KEY)
    assert (tmp_path / "y").read_text() == "mine"


@pytest.mark.parametrize("start", [
    b"KDMV", b"conectix", b"vhdxfile", b"QED\0", b"LUKS\xba\xbe",
    b"# Disk DescriptorFile", b""])
def test_foreign_source_is_refused(tmp_path, start):
    (tmp_path / "s").write_bytes(start.ljust(4096 if start else 0, b"\0"))
    with pytest.raises(qcow2.ImageError):
        encrypt.encrypt(tmp_path / "s", tmp_path / "x", KEY)


def test_e7_key_is_in_no_command_line(disk, tmp_path, monkeypatch):
    spy = tmp_path / "spy"
    spy.write_text(
        "#!/bin/sh\n(tr '\\0' ' ' < /proc/$$/cmdline; env) > "
        f"{tmp_path}/seen\nexec qemu-img \"$@\"\n")
    spy.chmod(0o755)
    monkeypatch.setattr(qemu, "PROGRAM", str(spy))
    encrypt.encrypt(disk, tmp_path / "x", KEY)
    seen = (tmp_path / "seen").read_text()
    assert "secret,id=image,file=/dev/fd/" in seen
    assert KEY.hex() not in seen


def overlay(tmp_path, disk):
    base = encrypt.encrypt(disk, tmp_path / "base", KEY).path
    over = make(tmp_path / "over", 1 << 30, OTHER,
                backing=(str(base), "qcow2"))
    return base, over


def layered(over, base):
    return qemu.options({
        "driver": "qcow2", "file.driver": "file", "file.filename": str(over),
        "encrypt.key-secret": "disk", "backing.driver": "qcow2",
        "backing.file.driver": "file", "backing.file.filename": str(base),
        "backing.encrypt.key-secret": "image"})


def test_overlay_with_its_own_key_over_an_encrypted_base(disk, tmp_path):
    base, over = overlay(tmp_path, disk)
    back = tmp_path / "back"
    qemu.run("convert", ["--image-opts", layered(over, base), "-O", "raw",
                         str(back)], secrets={"disk": OTHER, "image": PASS})
    assert back.stat().st_size == 1 << 30
    with back.open("rb") as found:
        assert found.read(9 << 20) == disk.read_bytes()
        assert found.read(1 << 20) == bytes(1 << 20)
    assert qcow2.parse(over.open("rb"), backing=True).backing == str(base)
    assert "backing file format: qcow2" in info(over)


def test_overlay_is_written_under_its_own_key(disk, tmp_path):
    base, over = overlay(tmp_path, disk)
    before = base.read_bytes()
    subprocess.run(
        ["qemu-io", "--object", f"secret,id=disk,data={OTHER.decode()}",
         "--object", f"secret,id=image,data={PASS.decode()}", "--image-opts",
         layered(over, base), "-c", "write -P 0x5a 0 64k",
         "-c", "read -P 0x5a 0 64k"], check=True, capture_output=True)
    assert base.read_bytes() == before
    assert b"\x5a" * 64 not in over.read_bytes()
    check_over = subprocess.run(["qemu-img", "info", str(over)], check=True,
                                capture_output=True, text=True)
    assert "corrupt: false" in check_over.stdout


def test_cost_does_not_grow_with_the_size(tmp_path):
    def cost(size, name):
        times = []
        for i in range(5):
            started = time.thread_time()
            path = make(tmp_path / f"{name}{i}", size)
            times.append(time.thread_time() - started)
            assert path.stat().st_blocks * 512 < 1 << 20
        return min(times)

    small, large = cost(1 << 20, "small"), cost(2 << 40, "large")
    print(f"1 MB: {small * 1000:.0f} ms, 2 TB: {large * 1000:.0f} ms")
    assert large < 2 * small + 0.02
    assert large < 0.5


def lie(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)
    return path


@pytest.mark.parametrize("offset, data, says", [
    (0, b"QFI\xfa", "not a qcow2"),
    (4, struct.pack(">I", 2), "version 2"),
    (8, struct.pack(">QI", 400, 11), "backing file"),
    (20, struct.pack(">I", 40), "malformed"),
    (32, struct.pack(">I", 1), "not LUKS"),
    (32, struct.pack(">I", 0), "contradicts"),
    (60, struct.pack(">I", 1), "snapshots"),
    (72, struct.pack(">Q", 4), "data file"),
    (72, struct.pack(">Q", 1), "corrupt"),
    (72, struct.pack(">Q", 1 << 40), "unknown features"),
    (104, struct.pack(">I", qcow2._DATA_FILE), "data file"),
    (104, struct.pack(">I", 0x1234), "unknown qcow2 extension"),
    (104, struct.pack(">I", 0), "encryption header is missing"),
    (108, struct.pack(">I", 1 << 30), "malformed"),
    (112, struct.pack(">Q", 1 << 50), "cut short|malformed"),
    (3 * 65536, b"LUKS\xba\xbf", "no LUKS header"),
    (3 * 65536 + 6, b"\0\2", "LUKS version 2"),
    (3 * 65536 + 208, b"\0\0\xde\xad", "no key slot"),
    (3 * 65536 + 208, b"\0\0\0\0", "malformed"),
    (3 * 65536 + 252, b"\0\0\0\1", "stripes"),
])
def test_f3_hostile_header_is_refused(tmp_path, offset, data, says):
    path = lie(make(tmp_path / "x"), offset, data)
    with pytest.raises(qcow2.ImageError, match=says), path.open("rb") as file:
        qcow2.parse(file)


def test_f3_real_backing_and_data_files_are_refused(disk, tmp_path):
    backed, external = tmp_path / "b", tmp_path / "d"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
                    "-b", str(disk), str(backed)], check=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o",
                    f"data_file={tmp_path}/data", str(external), "1M"],
                   check=True)
    for path in (backed, external):
        with pytest.raises(qcow2.ImageError):
            encrypt.probe(path)


def test_opening_cost_counts_all_slots(tmp_path):
    path = make(tmp_path / "x")
    second = 3 * 65536 + 208 + 48
    lie(path, second, struct.pack(">II", 0x00AC71F3, 4_000_000_000))
    with path.open("rb") as file:
        assert qcow2.parse(file).luks.opening_cost > 4_000_000_000


@given(st.binary(max_size=400), st.integers(0, 600))
def test_parser_is_total(data, at):
    sample = bytearray(_SAMPLE)
    sample[at:at + len(data)] = data
    path = pathlib.Path(_DIR) / "fuzz"
    path.write_bytes(sample)
    try:
        with path.open("rb") as file:
            qcow2.parse(file)
    except qcow2.ImageError:
        pass


@pytest.fixture(scope="module", autouse=True)
def sample(tmp_path_factory):
    global _DIR, _SAMPLE  # noqa: PLW0603
    _DIR = tmp_path_factory.mktemp("fuzz")
    _SAMPLE = make(_DIR / "x").read_bytes()[:260 * 1024]
