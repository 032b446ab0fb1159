# SPDX-License-Identifier: Apache-2.0
"""What the guide on automation shows, done."""

from __future__ import annotations

import re
import textwrap

import pytest
import yaml
from keystoneauth1 import session, token_endpoint

from tests.fixtures.host import good
from tests.fixtures.osc import ROOT, parse
from tests.fixtures.service import URL

GUIDE = (ROOT / "doc/source/tenant/automation.rst").read_text("utf-8")


def blocks(language):
    return [textwrap.dedent(found) for found in re.findall(
        rf"code-block:: {language}\n\n((?:   .*\n|\n)+)", GUIDE)]


@pytest.fixture
def launch():
    (example,) = blocks("python")
    names = {}
    exec(compile(example, "automation.rst", "exec"), names)  # noqa: S102
    return names["launch"]


@pytest.fixture
def member(service):
    return session.Session(auth=token_endpoint.Token(URL, "member"),
                           session=service.http())


def test_python_example_verifies_its_server(service, host, member, launch):
    def create_server(metadata):
        request = host.request(launch_id=metadata["trusted_launch_token"])
        service.nova.place(request.instance_id, host.name)
        good(host.release(request))
        return request.instance_id

    report = launch(member, create_server)
    assert report.verified
    assert {s.what for s in report.statements if s.holds} >= {
        "signature", "instance", "profile", "nonce"}


def test_python_example_says_what_to_do(host, member, launch):
    with pytest.raises(SystemExit, match="receipt.unknown: .*\n.*released"):
        launch(member, lambda metadata: "a-server-that-was-refused")


def test_ansible_tasks_run_commands_that_exist():
    tasks, heat = map(yaml.safe_load, blocks("yaml"))
    first, server, last = tasks
    assert parse(first["ansible.builtin.command"]["cmd"].removeprefix(
        "openstack ")).profile == "baseline"
    words = last["ansible.builtin.command"]["argv"]
    assert parse(" ".join(f"'{w}'" for w in words[1:])).wait
    token = server["openstack.cloud.server"]["meta"]
    assert list(token) == list(heat["resources"]["db"]["properties"][
        "metadata"]) == ["trusted_launch_token"]
