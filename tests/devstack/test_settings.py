# SPDX-License-Identifier: Apache-2.0
"""What is enabled where: services of the plugin, and tests for Tempest."""

from __future__ import annotations

import pytest

from tests.devstack.conftest import Node


def enabled(folder, services: str, **settings: str) -> tuple[set[str], str]:
    """Return the plugin's services on a node, and Tempest's plugins."""
    done = Node(folder / "node", services=services,
                settings=settings).run("settings")
    assert done.status == 0, done.said
    names, plugins = done.said.splitlines()
    return {name for name in names.split(",")
            if name.startswith("tl-")}, plugins


@pytest.mark.parametrize(("services", "settings", "expected"), [
    ("key,n-api,n-cpu", {}, {"tl-api", "tl-agent", "tl-swtpm"}),
    ("key,n-api", {}, {"tl-api"}),
    ("n-cpu", {}, {"tl-agent", "tl-swtpm"}),
    ("g-api", {}, set()),
    ("key,n-cpu", {"VIRT_DRIVER": "fake"}, {"tl-api"}),
    ("n-cpu", {"TRUSTED_LAUNCH_TPM": "device:/dev/tpmrm0"}, {"tl-agent"}),
    ("key,n-cpu", {"DISABLED_SERVICES": "tl-agent"}, {"tl-api"}),
    ("key,n-cpu", {"DISABLED_SERVICES": "tl-swtpm"}, {"tl-api", "tl-agent"}),
    ("key,n-cpu", {"DISABLED_SERVICES": "tl-api"}, {"tl-agent", "tl-swtpm"}),
])
def test_services(tmp_path, services, settings, expected):
    assert enabled(tmp_path, services, **settings)[0] == expected


@pytest.mark.parametrize(("before", "after"), [
    ({}, "PROJECT"),
    ({"TEMPEST_PLUGINS": "0"}, "PROJECT"),
    ({"TEMPEST_PLUGINS": "/opt/other"}, "/opt/other PROJECT"),
    ({"TEMPEST_PLUGINS": "/opt/other PROJECT"}, "/opt/other PROJECT"),
])
def test_tempest_finds_the_tests_once(tmp_path, before, after):
    if "TEMPEST_PLUGINS" in before:
        before = {"TEMPEST_PLUGINS": before["TEMPEST_PLUGINS"].replace(
            "PROJECT", Node.project())}
    assert enabled(tmp_path, "key,tempest", **before)[1] == after


def test_without_tempest_nothing_is_installed_for_it(tmp_path):
    assert enabled(tmp_path, "key,n-cpu", TEMPEST_PLUGINS="0")[1] == "0"
