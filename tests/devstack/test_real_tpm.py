# SPDX-License-Identifier: Apache-2.0
"""The plugin's TPM with real commands: made, booted, stopped, started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import pytest
from cryptography import x509

from tests.devstack.conftest import ROOT, Node

pytestmark = pytest.mark.swtpm
REAL = ("swtpm", "swtpm_setup", "swtpm_localca", "swtpm_cert",
        "certtool", "tpm2_shutdown")
# DevStack would make a systemd unit of it.
RUN_PROCESS = """
run_process() {
    note "run_process $*"
    setsid $2 > "$CALLS.$1" 2>&1 < /dev/null &
    echo $! > "$CALLS.$1.pid"
}
stop_process() { note "stop_process $1"; }
"""


@pytest.fixture
def real(tmp_path):
    """A node on which swtpm and the interpreter are real."""
    node = Node(tmp_path / "node", services="n-cpu")
    for command in REAL:
        node.lacks(command)
        node.path(f"bin/{command}").symlink_to(shutil.which(command))
    for command in ("setsid", "sleep"):
        node.path(f"bin/{command}").symlink_to(shutil.which(command))
    node.lacks("python3")
    # A link would lose the environment that the interpreter is of.
    python = node.path("devstack-venv/bin/python3")
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    node.settings["TRUSTED_LAUNCH_SWTPM_PORT"] = str(
        # Below those that the system hands out, and another in each worker.
        23000 + os.getpid() % 2000 * 2)
    node.path("functions").write_text(RUN_PROCESS)
    node.settings["FUNCTIONS"] = str(node.path("functions"))
    yield node
    stop(node)


def stop(node: Node) -> None:
    """End the software TPM, as systemd would."""
    pid = node.path("calls.tl-swtpm.pid")
    if pid.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGTERM)
        pid.unlink()


def test_made_booted_stopped_and_the_same_again(real):
    data = real.path("data/trusted-launch")
    done = real.run("stack", "post-config")
    assert done.status == 0, done.said

    root = x509.load_pem_x509_certificate(
        (data / "ek-ca/swtpm-localca-rootca-cert.pem").read_bytes())
    issuer = x509.load_pem_x509_certificate(
        (data / "ek-ca/issuercert.pem").read_bytes())
    issuer.verify_directly_issued_by(root)
    for log in ("binary_bios_measurements", "binary_runtime_measurements"):
        assert (data / log).stat().st_size > 1000

    assert real.run("unstack").status == 0
    stop(real)
    before = (data / "ek-ca/certserial").read_text()
    done = real.run("stack", "post-config")
    assert done.status == 0, done.said
    assert not [call for call in done.calls if "swtpm_setup" in call]
    assert (data / "ek-ca/certserial").read_text() == before


def test_a_tainted_tpm_is_not_in_the_captured_state(real):
    assert real.run("stack", "post-config").status == 0
    tool = [real.path("bin/bash"), ROOT / "devstack/tools/node-tpm.sh",
            real.path("data/trusted-launch/node-tpm.conf")]
    environment = {"PATH": str(real.path("bin"))}
    subprocess.run([*tool, "taint"], env=environment, check=True)
    again = subprocess.run([*tool, "boot"], env=environment, check=False)
    assert again.returncode != 0


def test_a_tpm_that_has_run_on_is_not_taken_for_a_fresh_one(real):
    assert real.run("stack", "post-config").status == 0
    pid = real.path("calls.tl-swtpm.pid")
    first = int(pid.read_text())
    # Nobody stopped it: its registers go on from where they were.
    done = real.run("stack", "post-config")
    os.kill(first, signal.SIGTERM)
    assert done.status != 0
    assert "could not be brought into" in done.said
