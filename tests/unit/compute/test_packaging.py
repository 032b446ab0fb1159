# SPDX-License-Identifier: Apache-2.0
"""Nova finds the driver: by the wheel's one file, or by the launcher."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[3]
LOAD = """
from oslo_utils import importutils
found = importutils.import_class("nova.virt.trusted_launch.LibvirtDriver")
import nova.virt.libvirt.driver as stock
assert issubclass(found, stock.LibvirtDriver), found
print(found.__module__)
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=True,
        capture_output=True, text=True, cwd=ROOT).stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "packaging" / "nova-virt", folder / "source")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps",
         "--no-build-isolation", "--disable-pip-version-check",
         "-w", str(folder), str(folder / "source")],
        check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_drops_one_file_and_replaces_none(wheel):
    names = [n for n in zipfile.ZipFile(wheel).namelist()
             if ".dist-info/" not in n]
    assert names == ["nova/virt/trusted_launch.py"]


def test_wheel_makes_the_driver_known(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    # As when pip unpacks it into the folder where Nova is.
    here = f"import nova.virt; nova.virt.__path__.append(" \
           f"{str(tmp_path / 'nova' / 'virt')!r})\n"
    assert run(here + LOAD) == "nova_trusted_launch.compute.driver"


def test_launcher_makes_the_driver_known():
    offer = "from nova_trusted_launch.compute import launcher\n" \
            "launcher.offer()\n"
    assert run(offer + LOAD) == "nova_trusted_launch.compute.driver"


def test_launcher_runs_nova_compute():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c",
         "import sys; sys.argv = ['nova-compute', '--version']\n"
         "from nova_trusted_launch.compute import launcher\n"
         "launcher.main()"], capture_output=True, text=True, cwd=ROOT,
        check=True)
    assert done.stdout.strip()
