# SPDX-License-Identifier: Apache-2.0
"""Nova's configuration in a folder of the test, an agent on a real socket."""

from __future__ import annotations

import pathlib
import tempfile
from unittest import mock

import nova.conf
import pytest
from nova import exception
from nova.virt.libvirt import driver as libvirt_driver
from oslo_concurrency import lockutils

from nova_trusted_launch.client.agent import AgentClient
from nova_trusted_launch.compute import configdrive, driver, hints
from nova_trusted_launch.compute.gate import Gate
from nova_trusted_launch.conf import trusted_launch as options
from tests.fakes.agent import FakeAgent
from tests.fakes.nova import UUID, FakeImages

CONF = nova.conf.CONF
NOVA = libvirt_driver.LibvirtDriver


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


@pytest.fixture
def defined():
    """Nova's own way to define a secret in libvirt."""
    return mock.Mock()


@pytest.fixture
def subject(folder, agent, images, defined, monkeypatch):
    """Our driver over a driver of Nova that does nothing."""
    def init(self, virtapi, read_only=False):
        self._host = mock.Mock(create_secret=defined)
        self._host.get_guest.side_effect = exception.InstanceNotFound(
            instance_id=UUID)
        self._image_api = images
        self.virtapi = virtapi

    monkeypatch.setattr(NOVA, "__init__", init)
    monkeypatch.setattr(configdrive.ConfigDrives, "build", mock.Mock())
    monkeypatch.setattr(hints, "of", lambda context, instance: {})
    for name in ("spawn", "_hard_reboot", "_create_guest", "_destroy",
                 "cleanup", "_soft_reboot",
                 "post_live_migration_at_destination",
                 "_clean_shutdown", "snapshot", "power_off",
                 "suspend", "resume", "rescue", "unrescue",
                 "migrate_disk_and_power_off", "finish_migration",
                 "finish_revert_migration", "pre_live_migration",
                 "check_can_live_migrate_destination", "live_migration",
                 "check_can_live_migrate_source", "cache_image",
                 "_create_configdrive", "_connect_volume"):
        monkeypatch.setattr(NOVA, name, mock.Mock(name=name),
                            raising=True)
    subject = driver.LibvirtDriver(None)
    monkeypatch.setattr(subject.image_backend, "by_name", mock.Mock())
    return subject
