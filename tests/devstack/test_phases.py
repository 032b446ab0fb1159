# SPDX-License-Identifier: Apache-2.0
"""Each phase of the plugin: the calls and files that come out.

``expected/NODE/`` holds them as they should be.  ``NTL_RENEW=1`` writes them
anew; the difference that git then shows is what there is to review.
"""

from __future__ import annotations

import os
import pathlib

import pytest

from tests.devstack.conftest import Node

EXPECTED = pathlib.Path(__file__).parent / "expected"
PHASES = [("stack", "pre-install"), ("stack", "install"),
          ("stack", "post-config"), ("stack", "extra"),
          ("stack", "test-config"), ("unstack", ""), ("clean", "")]
# What the node runs of DevStack, and what its local.conf says.
NODES = {
    "single": {},
    "subnode": {"services": "n-cpu,placement-client"},
    "controller": {"services": "mysql,rabbit,key,g-api,n-api,n-cond,n-sch"},
    "fake": {"settings": {"VIRT_DRIVER": "fake"}},
    "no-bus": {"services": "mysql,key,n-api,n-sch,n-cpu",
               "settings": {"RABBIT_HOST": ""}},
    "postgresql": {
        "settings": {"TRUSTED_LAUNCH_DATABASE_TYPE": "postgresql"}},
    "device": {"settings": {"TRUSTED_LAUNCH_TPM": "device:/dev/null"}},
}
FILES = ("nova.conf", "tempest.conf",
         "etc/attestation-service/attestation-service.conf",
         "etc/attestation-service/attestation-service-uwsgi.ini",
         "etc/trusted-launch/agent.conf",
         "system/etc/tmpfiles.d/trusted-launch.conf",
         "data/trusted-launch/baseline.yaml",
         "data/trusted-launch/node-tpm.conf",
         "data/trusted-launch/ek-ca/setup.conf")


def compare(name: str, text: str) -> None:
    """Compare with what is expected, or write it down."""
    path = EXPECTED / name
    if os.environ.get("NTL_RENEW"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", NODES)
def test_phases_do_what_is_expected(tmp_path, name):
    node = Node(tmp_path / "node", **NODES[name])
    calls = []
    for mode, phase in PHASES:
        done = node.run(mode, phase)
        assert done.status == 0, done.said
        calls += [f"== {mode} {phase}".rstrip(), *done.calls]
        if (mode, phase) == ("stack", "test-config"):
            for file in filter(lambda f: node.path(f).exists(), FILES):
                compare(f"{name}/{file.rpartition('/')[2]}",
                        node.named(node.path(file).read_text()))
    compare(f"{name}/calls", "\n".join(calls) + "\n")


@pytest.mark.parametrize("name", ["single", "subnode"])
def test_stacking_again_writes_the_same_files(tmp_path, name):
    node = Node(tmp_path / "node", **NODES[name])
    seen = []
    for _ in range(2):
        for mode, phase in PHASES[:-1]:
            done = node.run(mode, phase)
            assert done.status == 0, done.said
        seen.append({file: node.path(file).read_text()
                     for file in FILES if node.path(file).exists()})
    assert seen[0] == seen[1]


def test_clean_leaves_nothing_behind(node):
    before = everything(node)
    # DevStack collects the dashboard's static files.
    static = node.path("horizon/static/dashboard/trusted-launch/x.js")
    static.parent.mkdir(parents=True)
    static.touch()
    for mode, phase in PHASES:
        assert node.run(mode, phase).status == 0
    # Nova's and Tempest's own files are DevStack's to remove.
    assert everything(node) - before == set()


def test_a_node_without_the_service_keeps_its_database_servers(tmp_path):
    node = Node(tmp_path / "node", services="n-cpu", settings={
        "TRUSTED_LAUNCH_DATABASE_TYPE": "postgresql"})
    calls = [call for mode, phase in PHASES
             for call in node.run(mode, phase).calls]
    assert calls
    assert not [call for call in calls if "database" in call]


def test_tempest_may_do_two_things_to_the_tpm(node):
    node.answer("getent", "echo tempest:x:1003:")
    assert node.run("stack", "test-config").status == 0
    rules = node.path("system/etc/sudoers.d/60-trusted-launch-tempest")
    tool = ("PROJECT/devstack/tools/node-tpm.sh "
            "NODE/data/trusted-launch/node-tpm.conf")
    assert node.named(rules.read_text()).splitlines() == [
        f"tempest ALL=(stack) NOPASSWD: {tool} {verb}"
        for verb in ("taint", "reboot")]
    node.run("clean")
    assert not rules.exists()


def everything(node: Node) -> set[str]:
    """Name every file on the node but the notes of the test itself."""
    return {str(path.relative_to(node.folder))
            for path in node.folder.rglob("*")
            if not path.is_dir() and path.name != "calls"}


def test_novas_own_filters_stay(node):
    node.run("stack", "post-config")
    text = node.path("nova.conf").read_text()
    assert ("enabled_filters = ComputeFilter,ImagePropertiesFilter,"
            "TrustedLaunchFilter\n") in text
    assert "available_filters = nova.scheduler.filters.all_filters\n" in text


def test_operators_filters_stay(node):
    node.path("nova.conf").write_text(
        "[filter_scheduler]\nenabled_filters = TrustedLaunchFilter,Own\n"
        "available_filters = own.Own\n")
    node.run("stack", "post-config")
    text = node.path("nova.conf").read_text()
    assert "enabled_filters = TrustedLaunchFilter,Own\n" in text
    assert "available_filters = own.Own\n" in text
    assert "TrustedLaunchFilter\n" in text
    assert "all_filters" not in text


def test_no_password_is_in_a_command(node):
    for mode, phase in PHASES:
        for call in node.run(mode, phase).calls:
            assert "secret" not in call


def test_a_kept_database_is_upgraded_and_the_host_stays_who_it_is(node):
    node.settings["TRUSTED_LAUNCH_KEEP_DATABASE"] = "True"
    node.run("stack", "post-config")
    state = node.path("data/trusted-launch/agent.json")
    state.touch()
    done = node.run("stack", "post-config")
    assert not [c for c in done.calls if c.startswith("recreate_database")]
    assert [c for c in done.calls if c.endswith("db sync")]
    assert [c for c in done.calls if c.endswith("upgrade check")]
    assert state.exists()


def test_a_new_database_makes_the_host_enrol_again(node):
    node.run("stack", "post-config")
    state = node.path("data/trusted-launch/agent.json")
    state.touch()
    done = node.run("stack", "post-config")
    assert "recreate_database attestation" in done.calls
    assert not state.exists()


def test_a_database_to_keep_that_is_not_there_is_made(node):
    node.settings["TRUSTED_LAUNCH_KEEP_DATABASE"] = "True"
    node.answer("attestation-service-manage",
                '[[ "$*" != *version ]] || exit 1')
    done = node.run("stack", "post-config")
    assert done.status == 0, done.said
    assert "recreate_database attestation" in done.calls
