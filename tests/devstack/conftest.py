# SPDX-License-Identifier: Apache-2.0
"""A node on which the plugin's phases run in milliseconds.

In: what a node of DevStack has before the plugin comes.  Out: the plugin's
own files as DevStack would source them, over functions and commands that note
what they are asked (``devstack.sh``, ``stub.sh``).

Not decided here: whether DevStack's own functions do as they say; a real
``stack.sh`` shows that.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from dataclasses import dataclass, field

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
COMMANDS = ("sudo", "openstack", "systemctl", "uwsgi", "swtpm",
            "swtpm_setup", "swtpm_localca", "tpm2_shutdown",
            "systemd-tmpfiles", "mount", "umount", "findmnt", "curl",
            "getent", "hostname", "stat")
# All that is used of this machine: what else it has is not on a node.
TOOLS = ("bash", "basename", "cat", "cp", "dirname", "env", "grep", "head",
         "install", "ln", "mkdir", "mktemp", "mv", "readlink", "rm", "tail",
         "tee", "timeout", "touch")
INSTALLED = ("python3", "attestation-service-manage",
             "attestation-service-status", "oslopolicy-sample-generator",
             "trusted-launch-agent")
SINGLE_NODE = "mysql,rabbit,key,g-api,n-api,n-cond,n-sch,n-cpu,horizon,tempest"
FILTERS = "ComputeFilter,ImagePropertiesFilter"
# What a cloud answers in which everything is well.
WELL = {
    "hostname": "echo node-1",
    "stat": "echo mode=750,uid=64055,gid=64055",
    "findmnt": "exit 1",
    "getent": "exit 2",
    "curl": "echo -n 200",
    "swtpm_setup": """
touch "$DATA_DIR/trusted-launch/tpm/tpm2-00.permall"
touch "$DATA_DIR/trusted-launch/ek-ca/issuercert.pem"
touch "$DATA_DIR/trusted-launch/ek-ca/swtpm-localca-rootca-cert.pem"
""",
    "oslopolicy-sample-generator": 'echo "# rules" > "$4"',
    "attestation-service-status": "exit 1",
    "openstack": """
case "$*" in
    *"trusted host show"*) echo pending ;;
    *"trusted profile show"*|*"flavor show trusted.small") exit 1 ;;
    *"flavor show -f value"*) echo 42 ;;
    *"trusted profile draft"*) echo "profile: drafted" ;;
    *"trusted host list"*) echo "node-1 baseline=affirming" ;;
esac
""",
}


@dataclass(slots=True)
class Outcome:
    """What one phase did: its calls, with this run's folders by name."""

    status: int
    calls: list[str]
    said: str


@dataclass(slots=True)
class Node:
    """A node: folders, enabled services, settings, answers of commands."""

    folder: pathlib.Path
    services: str = SINGLE_NODE
    settings: dict[str, str] = field(default_factory=dict)
    # Seconds that a phase may take.
    patience: float = 60

    def __post_init__(self) -> None:
        for name in ("bin", "answers", "system", "devstack-venv/bin",
                     "data", "nova/nova/virt",
                     "horizon/openstack_dashboard/local/enabled"):
            (self.folder / name).mkdir(parents=True)
        for name in COMMANDS:
            (self.folder / "bin" / name).symlink_to(HERE / "stub.sh")
        for name in TOOLS:
            (self.folder / "bin" / name).symlink_to(shutil.which(name))
        for name in INSTALLED:
            (self.folder / "devstack-venv/bin" / name).symlink_to(
                HERE / "stub.sh")
        for name, answer in WELL.items():
            self.answer(name, answer)
        self.path("nova.conf").write_text(
            f"[filter_scheduler]\nenabled_filters = {FILTERS}\n")
        self.path("tempest.conf").touch()

    def path(self, name: str) -> pathlib.Path:
        """Return a place on this node."""
        return self.folder / name

    @staticmethod
    def project() -> str:
        """Return where DevStack has put the project."""
        return str(ROOT)

    def answer(self, command: str, script: str) -> None:
        """Lay down what a command says and does."""
        self.path("answers").joinpath(command).write_text(script)

    def lacks(self, command: str) -> None:
        """Take a command away."""
        for folder in ("bin", "devstack-venv/bin"):
            self.path(folder).joinpath(command).unlink(missing_ok=True)

    def run(self, mode: str, phase: str = "") -> Outcome:
        """Run one phase of the plugin."""
        calls = self.path("calls")
        calls.write_text("")
        done = subprocess.run(
            [self.path("bin/bash"), HERE / "run.sh", mode, phase], text=True,
            capture_output=True, check=False, env=self.environment(),
            timeout=self.patience)
        return Outcome(done.returncode,
                       self.named(calls.read_text()).splitlines(),
                       self.named(done.stdout + done.stderr))

    def named(self, text: str) -> str:
        """Write this run's folders by names that are always the same."""
        return (text.replace(str(self.folder / "system"), "")
                .replace(str(self.folder), "NODE")
                .replace(str(ROOT), "PROJECT"))

    def environment(self) -> dict[str, str]:
        """Return what DevStack has set on this node."""
        home = self.folder
        return {
            "PATH": f"{home}/bin",
            "CALLS": f"{home}/calls", "ANSWERS": f"{home}/answers",
            "SYSTEM": f"{home}/system",
            "ENABLED_SERVICES": self.services, "VIRT_DRIVER": "libvirt",
            "DEST": f"{home}", "DATA_DIR": f"{home}/data",
            "NOVA_DIR": f"{home}/nova", "NOVA_CONF": f"{home}/nova.conf",
            "NOVA_FILTERS": FILTERS, "HORIZON_DIR": f"{home}/horizon",
            "TEMPEST_CONFIG": f"{home}/tempest.conf", "GLOBAL_VENV": "True",
            "DEVSTACK_VENV": f"{home}/devstack-venv",
            "STACK_USER": "stack", "SERVICE_PROTOCOL": "http",
            "SERVICE_HOST": "192.0.2.1", "REGION_NAME": "RegionOne",
            "SERVICE_TIMEOUT": "60", "ENABLE_DEBUG_LOG_LEVEL": "True",
            "RABBIT_HOST": "192.0.2.1", "DATABASE_TYPE": "mysql",
            "DATABASE_HOST": "127.0.0.1", "DATABASE_USER": "root",
            "DATABASE_PASSWORD": "secret",
            "TRUSTED_LAUNCH_DIR": str(ROOT),
            "TRUSTED_LAUNCH_LIBVIRT_STATE": f"{home}/libvirt",
            "TRUSTED_LAUNCH_CONF_DIR": f"{home}/etc/attestation-service",
            "TRUSTED_LAUNCH_AGENT_CONF_DIR": f"{home}/etc/trusted-launch",
            **self.settings}


@pytest.fixture
def node(tmp_path):
    """A node with everything on it, before the plugin's first phase."""
    return Node(tmp_path / "node")
