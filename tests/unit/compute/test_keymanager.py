# SPDX-License-Identifier: Apache-2.0
"""Who gets secrets through Nova's key manager."""

from __future__ import annotations

import types

import pytest
from castellan.common import exception as castellan_exception
from oslo_config import cfg

from nova_trusted_launch.compute import keymanager
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.wire.codes import Code


class FakeBackend:
    def __init__(self, configuration):
        self.calls = []

    def __getattr__(self, name):
        return lambda *args: self.calls.append((name, *args)) or name


@pytest.fixture
def manager(monkeypatch):
    monkeypatch.setattr(
        keymanager.driver, "DriverManager",
        lambda namespace, name, invoke_on_load, invoke_args:
            types.SimpleNamespace(driver=FakeBackend(*invoke_args)))
    return keymanager.TrustedKeyManager(cfg.ConfigOpts())


def test_secret_is_read_for_a_known_instance_only(manager):
    with pytest.raises(castellan_exception.KeyManagerError,
                       match="Forbidden"):
        manager.get(None, "id")
    assert manager._backend.calls == []
    with keymanager.speaking_for(lambda: None):
        assert manager.get(None, "id") == "get"
    with pytest.raises(castellan_exception.KeyManagerError):
        manager.get(None, "id")


def test_refused_instance_gets_no_secret(manager):
    def refuse():
        raise TrustedLaunchRefused(Code.RELEASE_NOT_AFFIRMING, "tainted")

    with keymanager.speaking_for(refuse):
        with pytest.raises(castellan_exception.KeyManagerError,
                           match="Forbidden.*tainted"):
            manager.get(None, "id")
        assert manager._backend.calls == []
        manager.get(None, "id", metadata_only=True)


def test_volume_keys_of_a_trusted_instance_stay_in_memory():
    made = []
    host = types.SimpleNamespace(
        create_secret=lambda kind, usage, **how: made.append(how))
    keymanager.keep_volume_keys_in_memory(host)
    host.create_secret("volume", "v", password="p")
    with keymanager.speaking_for(lambda: None, trusted=True):
        host.create_secret("volume", "v", password="p")
    with keymanager.speaking_for(lambda: None):
        host.create_secret("volume", "v", password="p")
    assert made == [{"password": "p"}, {
        "password": "p", "ephemeral": True, "private": True},
        {"password": "p"}]


def test_everything_else_is_passed_on(manager):
    assert manager.store(None, "object") == "store"
    assert manager.create_key(None, "AES", 256) == "create_key"
    assert manager.create_key_pair(None, "RSA", 2048) == "create_key_pair"
    assert manager.delete(None, "id") == "delete"
    assert manager.add_consumer(None, "id", {}) == "add_consumer"
    assert manager.remove_consumer(None, "id", {}) == "remove_consumer"
    assert manager.list_options_for_discovery()
    manager.list(None)
    assert manager._backend.calls[-1] == ("list", None, None, True)
