# SPDX-License-Identifier: Apache-2.0
"""The image's key, looked for everywhere but in the memory of QEMU."""

from __future__ import annotations

import base64
import mmap
import pathlib
import subprocess

import pytest

from tools.cloud import lab


@pytest.fixture
def forms(cloud):
    """The key as anybody might write it."""
    key = cloud.secret
    passphrase = key.hex().encode()
    return [key, passphrase, key.hex().upper().encode(),
            *(encode(data).rstrip(b"=") for data in (key, passphrase)
              for encode in (base64.b64encode, base64.urlsafe_b64encode))]


def _holders(folder, forms):
    found = []
    for path in pathlib.Path(folder).rglob("*"):
        try:
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file, mmap.mmap(
                    file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                if any(data.find(form) >= 0 for form in forms):
                    found.append(str(path))
        except (OSError, ValueError):
            continue  # Empty, or gone.
    return found


def test_e7_the_search_finds_a_key(tmp_path, forms):
    for number, form in enumerate(forms):
        (tmp_path / str(number)).write_bytes(b"before " + form + b" after")
    assert len(_holders(tmp_path, forms)) == len(forms)


def test_e7_no_key_in_logs_databases_queues_configuration_or_disks(
        running, forms):
    """The folder of the cloud: logs, MariaDB, RabbitMQ, hosts, Glance."""
    assert _holders(lab.CLOUD, forms) == []


def test_e7_no_key_in_a_dump_of_the_databases(running, forms):
    dump = subprocess.run(
        ["mariadb-dump", "--no-defaults", "--all-databases", "--hex-blob",
         f"--socket={lab.CLOUD / 'run' / 'mariadb.sock'}", "-u", "root"],
        check=True, stdout=subprocess.PIPE).stdout
    assert b"CREATE TABLE" in dump
    assert not any(form in dump for form in forms)


def test_e7_no_key_in_arguments_or_environments(running, forms):
    seen = 0
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                text = (process / name).read_bytes()
            except OSError:
                continue
            seen += running.server.id.encode() in text
            assert not any(form in text for form in forms), process
    assert seen, "the guest's QEMU is not among the processes"


def test_e7_no_key_in_libvirt(running, forms):
    xml = lab.in_host(running.host, "virsh", "dumpxml", "--security-info",
                      running.server.id)
    assert running.server.id in xml
    assert not any(form.decode("latin1") in xml for form in forms)


def test_e7_no_key_in_files_that_only_the_host_sees(running, forms):
    """Its memory file systems: config drives, libvirt's and Nova's state."""
    patterns = "\n".join(form.decode() for form in forms[1:])
    for folder in ("/run/trusted-launch", "/run/libvirt",
                   "/var/lib/libvirt", "/var/log/libvirt", "/etc/libvirt"):
        found = lab.in_host(
            running.host, "sh", "-c", 'printf "%s" "$1" | grep -rlaF '
            '-D skip -f - -- "$2"', "sh", patterns, folder, check=False)
        assert found == ""


def test_e7_no_secret_is_left_in_libvirt(running):
    assert lab.in_host(running.host, "virsh", "-q", "secret-list"
                       ).strip() == ""
