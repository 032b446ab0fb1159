# SPDX-License-Identifier: Apache-2.0
"""The jobs: well formed, of known parents, and what they name exists."""

from __future__ import annotations

import configparser
import pathlib
import re
from typing import Any

import jsonschema
import pytest
import yaml

from tests.devstack import zuul_schema

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
KNOWN = yaml.safe_load((HERE / "known_zuul.yaml").read_text())
ITEMS = yaml.safe_load((ROOT / ".zuul.yaml").read_text())
JOBS = {item["job"]["name"]: item["job"] for item in ITEMS if "job" in item}
PROJECT = next(item["project"] for item in ITEMS if "project" in item)
TOX = configparser.ConfigParser(interpolation=None)
TOX.read(ROOT / "tox.ini")
FILES = [".gitignore", *(str(path.relative_to(ROOT))
                         for top in ROOT.iterdir() if top.name != ".git"
                         for path in [top, *top.rglob("*")])]


def listed(value: Any) -> list[Any]:
    """Return what may be one or many as a list."""
    return value if isinstance(value, list) else [value]


def run_by(pipeline: str) -> set[str]:
    """Return the names of a pipeline's jobs."""
    return {name for entry in PROJECT[pipeline]["jobs"]
            for name in ([entry] if isinstance(entry, str) else entry)}


def test_file_is_well_formed():
    jsonschema.validate(ITEMS, zuul_schema.CONFIGURATION)


@pytest.mark.parametrize("wrong", [
    {"job": {"parent": "devstack"}},
    {"job": {"name": "x", "timeout": "long"}},
    {"job": {"name": "x", "nodset": "openstack-two-node-noble"}},
    {"job": {"name": "x", "vars": {"a-b": 1}}},
    {"job": {"name": "x", "vars": {"zuul": 1}}},
    {"project": {"check": {"jobs": []}}},
    {"project": {"check": {"job": ["x"]}}},
    {"jobs": {"name": "x"}}])
def test_what_zuul_would_refuse_is_seen(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([wrong], zuul_schema.CONFIGURATION)


def test_every_parent_and_job_is_known():
    known = {*KNOWN["jobs"], *JOBS}
    assert {job["parent"] for job in JOBS.values()} <= known
    assert run_by("check") | run_by("gate") <= known


def test_no_abstract_job_is_run_and_no_other_is_forgotten():
    abstract = {name for name, job in JOBS.items() if job.get("abstract")}
    assert run_by("check") == run_by("gate")
    assert run_by("check") & set(JOBS) == set(JOBS) - abstract


def test_the_jobs_that_were_asked_for():
    assert {f"nova-trusted-launch-{name}" for name in (
        "tempest", "multinode", "postgresql", "horizon", "functional")} | {
        "openstack-tox-pep8", "openstack-tox-docs", "openstack-tox-cover",
        "build-openstack-releasenotes", "openstack-tox-py311",
    } <= run_by("gate")


@pytest.mark.parametrize("name", JOBS)
def test_what_a_job_names_exists(name):
    job = JOBS[name]
    assert job.get("nodeset", "openstack-single-node-noble") in KNOWN[
        "nodesets"]
    for kind in ("pre-run", "run", "post-run"):
        for playbook in listed(job.get(kind, [])):
            assert (ROOT / playbook).is_file()
    for variables in (job.get("vars", {}),
                      *job.get("group-vars", {}).values()):
        assert set(variables.get("devstack_services", {})) <= set(
            KNOWN["services"])
        for setting in variables.get("devstack_localrc", {}):
            if setting.startswith("TRUSTED_LAUNCH_"):
                assert f"\n{setting}=" in (
                    ROOT / "devstack/settings").read_text()


@pytest.mark.parametrize("name", JOBS)
def test_irrelevant_files_are_patterns_of_what_there_is(name):
    for pattern in JOBS[name].get("irrelevant-files", []):
        assert any(re.match(pattern, file) for file in FILES), pattern


@pytest.mark.parametrize("name", sorted(run_by("gate")))
def test_tox_environments_exist(name):
    asked = {KNOWN["tox_envlist"].get(name)} - {None}
    assert all(f"testenv:{env}" in TOX for env in asked)


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").iterdir()),
                         ids=lambda path: path.name)
def test_what_playbooks_name_exists(path):
    for play in yaml.safe_load(path.read_text()):
        for role in play.get("roles", []):
            assert role in KNOWN["roles"] or (
                ROOT / "roles" / role / "tasks/main.yaml").is_file()
        for task in play.get("tasks", []):
            command, stage = task["shell"].split()
            assert (ROOT / command).is_file()
            assert f"stage_{stage}() {{" in (ROOT / command).read_text()


def test_the_ca_of_the_role_is_the_one_of_the_plugin():
    role = ROOT / "roles/trusted-launch-ek-ca"
    plugin = (ROOT / "tools/lib/ek_ca.sh").read_text()
    plugin = plugin.replace("$(type -P swtpm_localca)",
                            "/usr/bin/swtpm_localca")
    plugin = plugin.replace("$model", "devstack")
    for template in sorted((role / "templates").iterdir()):
        text = template.read_text().replace(
            "{{ trusted_launch_ek_ca_dir }}", "$ca")
        assert text in plugin
