# SPDX-License-Identifier: Apache-2.0
"""Nova's configuration in a folder of the test, an agent on a real socket."""

from __future__ import annotations

import pathlib
import tempfile

import nova.conf
import pytest
from oslo_concurrency import lockutils

from nova_trusted_launch.client.agent import AgentClient
from nova_trusted_launch.compute.gate import Gate
from nova_trusted_launch.conf import trusted_launch as options
from tests.fakes.agent import FakeAgent
from tests.fakes.nova import FakeImages

CONF = nova.conf.CONF


@pytest.fixture
def folder(tmp_path):
    """Nova's instances_path; private folders are in memory."""
    CONF([], default_config_files=[], project="nova")
    options.register_opts(CONF)
    lockutils.set_defaults(str(tmp_path / "locks"))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        CONF.set_override("instances_path", str(tmp_path))
        CONF.set_override("private_path", f"{memory}/private",
                          group=options.GROUP)
        CONF.set_override("libvirt_state_path", memory, group=options.GROUP)
        CONF.set_override("agent_socket", f"{memory}/agent.sock",
                          group=options.GROUP)
        yield tmp_path
        CONF.clear_override("instances_path")
        for name in ("private_path", "libvirt_state_path", "agent_socket"):
            CONF.clear_override(name, group=options.GROUP)


@pytest.fixture
def memory(folder):
    return pathlib.Path(CONF[options.GROUP].libvirt_state_path)


@pytest.fixture
def agent(folder):
    agent = FakeAgent(CONF[options.GROUP].agent_socket)
    yield agent
    agent.stop()


@pytest.fixture
def gate(agent):
    client = AgentClient(agent.path, 5)
    return Gate(client, client)


@pytest.fixture
def images():
    return FakeImages()
