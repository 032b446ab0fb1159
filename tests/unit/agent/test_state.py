# SPDX-License-Identifier: Apache-2.0
"""The state file: whole or not at all, for nobody else to read."""

from __future__ import annotations

import os

import pytest

from nova_trusted_launch.agent.state import Identity, StateError, StateFile

IDENTITY = Identity(bytes(range(32)), "000b" + "ab" * 32, "compute-1",
                    "attester-1", 3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made" / "agent.json"


def test_what_was_saved_is_loaded(path):
    StateFile(str(path)).save(IDENTITY)
    assert StateFile(str(path)).load() == IDENTITY


def test_nothing_saved_is_none(path):
    assert StateFile(str(path)).load() is None


def test_only_the_owner_may_read(path):
    StateFile(str(path)).save(IDENTITY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


def test_forgotten_is_gone_also_twice(path):
    state = StateFile(str(path))
    state.save(IDENTITY)
    state.forget()
    state.forget()
    assert state.load() is None


@pytest.mark.parametrize("content", [
    pytest.param(b"", id="empty"),
    pytest.param(b"{}", id="no fields"),
    pytest.param(b'{"format": 1, "format": 1}', id="twice"),
    pytest.param(b"x" * 5000, id="large"),
])
def test_file_that_is_not_ours_is_an_error(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StateError, match="remove it"):
        StateFile(str(path)).load()


@pytest.mark.parametrize("change", [
    {"format": 2}, {"unique": "00"}, {"host": ""}, {"reset_count": True},
    {"attester_id": 1}, {"extra": 1}])
def test_changed_field_is_an_error(change):
    with pytest.raises(ValueError, match="."):
        Identity.from_dict(IDENTITY.to_dict() | change)


def test_failed_write_keeps_the_old_state_and_no_rubbish(path, monkeypatch):
    state = StateFile(str(path))
    state.save(IDENTITY)

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError):
        state.save(Identity(bytes(32), "00", "other"))
    assert state.load() == IDENTITY
    assert os.listdir(path.parent) == ["agent.json"]
