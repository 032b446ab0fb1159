# SPDX-License-Identifier: Apache-2.0
"""What is missing or broken stops the stack, and one line says why."""

from __future__ import annotations

import pytest

from tests.devstack.conftest import Node

NEVER = "exit 1"


def why(node: Node, phase: str) -> str:
    """Run a phase that must stop the stack; return the line that says why."""
    if phase == "extra":
        node.path("data/trusted-launch").mkdir()
    done = node.run("stack", phase)
    assert done.status != 0
    lines = [line for line in done.said.splitlines()
             if line.startswith("[ERROR]")]
    assert len(lines) == 1, done.said
    return lines[0].partition(" ")[2].partition(" ")[2]


@pytest.mark.parametrize("command", ["swtpm", "swtpm_setup", "swtpm_localca"])
def test_without_swtpm(node, command):
    node.lacks(command)
    assert why(node, "post-config") == (
        f"{command} is missing: install swtpm and swtpm-tools")


def test_swtpm_setup_fails(node):
    node.answer("swtpm_setup", "echo hello; echo 'no space left' >&2; exit 1")
    assert why(node, "post-config") == (
        "swtpm_setup made no TPM: no space left")


def test_software_tpm_does_not_answer(node):
    node.answer("python3", NEVER)
    assert why(node, "post-config") == (
        "the software TPM at swtpm:host=127.0.0.1,port=2321 could not be "
        "brought into its boot state: see 'journalctl -u devstack@tl-swtpm'")


def test_without_a_tpm_device_nothing_is_even_installed(node):
    node.settings["TRUSTED_LAUNCH_TPM"] = "device:/dev/no-tpm"
    assert why(node, "pre-install") == (
        "there is no TPM at /dev/no-tpm: set TRUSTED_LAUNCH_TPM=swtpm, or "
        "the TCTI of a TPM")


def test_a_kind_of_database_that_there_is_not(node):
    node.settings["TRUSTED_LAUNCH_DATABASE_TYPE"] = "oracle"
    assert why(node, "pre-install") == (
        "TRUSTED_LAUNCH_DATABASE_TYPE=oracle is no database that DevStack "
        "knows")


def test_no_certificates_where_the_operator_says(node):
    node.settings["TRUSTED_LAUNCH_ANCHORS"] = "/nowhere"
    assert why(node, "post-config") == (
        "there are no certificates in TRUSTED_LAUNCH_ANCHORS=/nowhere")


@pytest.mark.parametrize(("step", "line"), [
    ("sync", "attestation-service: 'db sync' failed"),
    ("check", "attestation-service: the upgrade check failed")])
def test_the_database_is_not_fit(node, step, line):
    fails = f'[[ "$*" != *{step} ]] || exit 2'
    node.answer("attestation-service-manage", fails)
    node.answer("attestation-service-status", fails)
    assert why(node, "post-config") == line


@pytest.mark.parametrize("service", ["tl-swtpm", "tl-api", "tl-agent"])
def test_a_service_does_not_start(node, service):
    node.answer("systemctl", f'[[ "$*" != *{service} ]] || exit 3')
    assert why(node, "post-config") == (
        f"{service} did not start: see 'journalctl -u devstack@{service}'")


@pytest.mark.parametrize("status", ["500", "503", "404", ""])
def test_the_service_does_not_answer(node, status):
    node.answer("curl", f"echo -n {status}")
    assert why(node, "post-config") == (
        "attestation-service does not work: its health check says "
        f"{status or 'nothing'}, see 'journalctl -u devstack@tl-api'")


def test_the_policy_file_is_not_made(node):
    node.answer("oslopolicy-sample-generator", NEVER)
    assert why(node, "post-config") == (
        "attestation-service: no policy file could be made")


def test_the_agent_is_not_installed(node):
    node.lacks("trusted-launch-agent")
    assert why(node, "post-config") == (
        "trusted-launch-agent is not installed at "
        "NODE/devstack-venv/bin/trusted-launch-agent")


def test_no_memory_for_libvirts_keys(node):
    node.answer("mount", NEVER)
    assert why(node, "post-config") == "no tmpfs could be mounted on " + (
        "NODE/libvirt")


def test_the_host_does_not_enrol(node):
    node.answer("openstack", "echo 'No host node-1.' >&2; exit 1")
    assert why(node, "extra") == (
        "node-1 did not enrol (journalctl -u devstack@tl-agent) in 120 s: "
        "No host node-1.")


def test_no_evidence_to_draft_from(node):
    node.answer("openstack", """
case "$*" in
    *"host show"*) echo approved ;;
    *) echo 'No evidence yet.' >&2; exit 1 ;;
esac
""")
    node.settings["TRUSTED_LAUNCH_WAIT"] = "7"
    assert why(node, "extra") == (
        "no profile could be drafted in 7 s: No evidence yet.")


@pytest.mark.parametrize(("refused", "line"), [
    ("profile create", "the profile baseline was not created"),
    ("flavor create", "the flavor trusted.small was not created")])
def test_what_the_cloud_refuses(node, refused, line):
    node.answer("openstack", f"""
case "$*" in
    *"{refused}"*|*"profile show"*|*"flavor show"*) exit 1 ;;
esac
""")
    assert why(node, "extra") == line


def test_the_host_does_not_satisfy_its_profile(node):
    node.answer("openstack", """
[[ "$*" != *"host list"* ]] || echo "node-1 baseline=contraindicated"
""")
    assert why(node, "extra") == (
        "node-1 does not satisfy baseline in 120 s: "
        "node-1 baseline=contraindicated")
