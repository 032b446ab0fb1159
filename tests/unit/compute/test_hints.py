# SPDX-License-Identifier: Apache-2.0
"""Who tells this host what the tenant hinted at."""

from __future__ import annotations

import types
from unittest import mock

import pytest
from nova.compute import manager as nova_manager

from nova_trusted_launch.compute import hints
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.wire.codes import Code

INSTANCE = types.SimpleNamespace(uuid="1")
ASKED = {"trusted_launch": "gold"}


class Manager:
    """The part of nova-compute that builds."""

    def __init__(self) -> None:
        self.seen = []

    def _get_scheduler_hints(self, filter_properties, request_spec=None):
        if request_spec is not None:
            return request_spec.scheduler_hints
        return filter_properties.get("scheduler_hints")

    def _do_build_and_run_instance(
            self, context, instance, image, request_spec, filter_properties,
            *args, **more):
        self.seen.append((hints.of(context, instance), args, more))
        if image == "broken":
            raise ValueError(image)
        return "active"


@pytest.fixture
def request_spec(monkeypatch):
    """What the conductor answers for the API database."""
    found = mock.Mock(return_value=types.SimpleNamespace(
        scheduler_hints={"kept": ["there"]}))
    monkeypatch.setattr(hints, "objects", types.SimpleNamespace(
        RequestSpec=types.SimpleNamespace(get_by_instance_uuid=found)))
    return found


@pytest.fixture
def manager(request_spec):
    made = Manager()
    hints.listen(types.SimpleNamespace(_compute=made))
    return made


@pytest.mark.parametrize("spec, properties", [
    (types.SimpleNamespace(scheduler_hints=ASKED), {}),
    (None, {"scheduler_hints": ASKED})])
def test_build_tells_its_hints(manager, request_spec, spec, properties):
    assert manager._do_build_and_run_instance(
        None, INSTANCE, "image", spec, properties, "files",
        node="n") == "active"
    assert manager.seen == [(ASKED, ("files",), {"node": "n"})]
    request_spec.assert_not_called()


def test_build_without_hints_is_one_without(manager, request_spec):
    manager._do_build_and_run_instance(None, INSTANCE, "image", None, {})
    assert manager.seen[0][0] == {}
    request_spec.assert_not_called()


def test_what_one_build_told_is_not_for_the_next(manager):
    with pytest.raises(ValueError, match="broken"):
        manager._do_build_and_run_instance(
            None, INSTANCE, "broken", None, {"scheduler_hints": ASKED})
    assert hints.of(None, INSTANCE) == {"kept": ["there"]}


@pytest.mark.parametrize("virtapi", [None, types.SimpleNamespace(
    _compute=types.SimpleNamespace())])
def test_unknown_nova_compute_leaves_the_database(
        virtapi, request_spec, caplog):
    hints.listen(virtapi)
    assert "another than we know" in caplog.text
    assert hints.of(None, INSTANCE) == {"kept": ["there"]}


def test_hints_that_nobody_tells_are_no_permission(request_spec):
    request_spec.side_effect = RuntimeError("no API database here")
    with pytest.raises(TrustedLaunchRefused) as refused:
        hints.of(None, INSTANCE)
    assert refused.value.refusal is Code.RELEASE_UNCONFIRMED


def test_nova_has_what_is_listened_to():
    for name in (hints._BUILD, hints._HINTS):
        assert callable(getattr(nova_manager.ComputeManager, name))
