# SPDX-License-Identifier: Apache-2.0
"""libvirt's tmpfs with real commands, in a mount namespace of its own."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.devstack.conftest import HERE, Node

REAL = ("findmnt", "mount", "umount", "stat")


@pytest.fixture
def real(tmp_path):
    """A node on which what mounts is real."""
    node = Node(tmp_path / "node", services="n-cpu")
    for command in REAL:
        node.lacks(command)
        node.path(f"bin/{command}").symlink_to(shutil.which(command))
    node.path("libvirt").mkdir(mode=0o710)
    return node


def mounts_after(node: Node, *steps: str) -> list[str]:
    """Do steps in one namespace; return what libvirt's folder is then."""
    script = "\n".join([
        "set -e", "exec 3>&1 >&2", *steps,
        f"findmnt -n -o SOURCE,FSTYPE -M {node.path('libvirt')} >&3 || true"])
    done = subprocess.run(
        ["/usr/bin/unshare", "--mount", node.path("bin/bash"), "-c", script],
        env=node.environment(), text=True, capture_output=True, check=False,
        timeout=60)
    assert done.returncode == 0, done.stderr
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


STACK = f"bash {HERE}/run.sh stack post-config"
CLEAN = f"bash {HERE}/run.sh clean"


def test_keys_are_on_a_tmpfs_once_however_often_it_is_stacked(real):
    assert mounts_after(real, STACK, STACK) == ["trusted-launch tmpfs"]


def test_clean_takes_it_away(real):
    assert mounts_after(real, STACK, CLEAN) == []


def test_a_mount_of_somebody_else_stays(real):
    mount = f"mount -t tmpfs theirs {real.path('libvirt')}"
    assert mounts_after(real, mount, STACK, CLEAN) == ["theirs tmpfs"]
