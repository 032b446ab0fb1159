# SPDX-License-Identifier: Apache-2.0
"""The filter on Nova's own request objects."""

from __future__ import annotations

import logging
import time
import types

import pytest
from nova import objects
from nova.api.validation.extra_specs import validators
from nova.objects import image_meta

from nova_trusted_launch import admission
from nova_trusted_launch.scheduler import extra_specs
from nova_trusted_launch.scheduler.filter import TrustedLaunchFilter
from nova_trusted_launch.scheduler.snapshot import (
    SnapshotKeeper, Unavailable)
from nova_trusted_launch.wire.results import TrustTier
from tests.unit.scheduler.answering import FakeService

UUID = "11111111-2222-4333-8444-555555555555"


objects.register_all()


@pytest.fixture
def service():
    service = FakeService()
    service.now = time.time()
    return service


def hosts(*names):
    return [types.SimpleNamespace(host=n, nodename=f"{n}.example")
            for n in names]


def spec(extra=None, hints=None, properties=None, **more):
    image = image_meta.ImageMeta(
        properties=image_meta.ImageMetaProps.from_dict(properties or {}))
    return objects.RequestSpec(
        instance_uuid=UUID, flavor=objects.Flavor(extra_specs=extra or {}),
        image=image, scheduler_hints=hints or {}, **more)


def passing(service, request, *names, **options):
    found = TrustedLaunchFilter(service.keeper(**options)).filter_all(
        hosts(*names), request)
    return [h.host for h in found]


GOLD = {"trusted_launch:profile": "gold"}


def test_request_without_trust_passes_every_host_and_asks_nobody(service):
    assert passing(service, spec({"hw:x": "1"}), "a", "b") == ["a", "b"]
    assert service.requests == []


def test_only_affirming_hosts_pass_in_their_order(service, caplog):
    service.change("b")
    service.change("a")
    service.change("c", TrustTier.CONTRAINDICATED)
    service.change("d", profile="lead")
    with caplog.at_level(logging.INFO):
        assert passing(service, spec(GOLD), "a", "b", "c", "d", "e") == [
            "a", "b"]
    assert service.requests == [0]
    text = caplog.text
    assert "contraindicated for profile gold: c" in text
    assert "no result for profile gold: d" in text
    assert "no attestation result: e" in text
    assert UUID in text


def test_expired_result_is_refused(service):
    service.now -= 700
    service.change("a")
    service.now += 700
    assert passing(service, spec(GOLD), "a") == []


@pytest.mark.parametrize("request_spec", [
    spec(hints={"trusted_launch": ["gold"]}),
    spec(properties={"trait:CUSTOM_TRUSTED_LAUNCH_GOLD": "required"}),
    spec({"trait:CUSTOM_TRUSTED_LAUNCH_GOLD": "required"}),
    spec(hints={"trusted_launch_token": ["some-token"]}),
])
def test_hint_and_trait_ask_as_well(service, request_spec):
    service.change("a")
    service.change("b", TrustTier.WARNING)
    assert passing(service, request_spec, "a", "b") == ["a"]


def test_g6_trait_in_placement_admits_no_host_by_itself(service):
    # Placement let it through; the snapshot knows better.
    service.change("a", TrustTier.CONTRAINDICATED)
    request = spec({"trait:CUSTOM_TRUSTED_LAUNCH_GOLD": "required"})
    assert passing(service, request, "a", "b") == []


def test_contradiction_passes_no_host_and_asks_nobody(service, caplog):
    request = spec(GOLD, hints={"trusted_launch": ["silver"]})
    assert passing(service, request, "a") == []
    assert "flavor.invalid" in caplog.text
    assert service.requests == []


def test_g2_rebuild_is_decided_too(service):
    rebuild = spec(GOLD, hints={"_nova_check_type": ["rebuild"]})
    assert TrustedLaunchFilter.RUN_ON_REBUILD
    assert passing(service, rebuild, "a") == []
    service.change("a")
    assert passing(service, rebuild, "a") == ["a"]


def test_h1_dead_service_passes_no_trusted_launch(service, caplog):
    def dead(since):
        raise OSError("connection refused")

    service.fetch = dead
    assert passing(service, spec(GOLD), "a") == []
    assert "connection refused" in caplog.text
    assert passing(service, spec(), "a") == ["a"]


def test_request_with_unset_fields_does_not_raise(service):
    empty = objects.RequestSpec(instance_uuid=UUID)
    assert passing(service, empty, "a") == ["a"]
    bare = objects.RequestSpec(
        instance_uuid=UUID, flavor=objects.Flavor(), image=None,
        scheduler_hints=None)
    assert passing(service, bare, "a") == ["a"]


def test_h2_own_fault_passes_no_host(service, caplog):
    keeper = service.keeper()
    keeper.latest = None
    found = TrustedLaunchFilter(keeper).filter_all(hosts("a"), spec(GOLD))
    assert list(found) == []


def _timed(subject, many, request):
    started = time.thread_time()
    assert len(list(subject.filter_all(many, request))) == 5000
    return time.thread_time() - started


def test_keeper_gives_up_when_too_many_requests_hang(service):
    keeper = SnapshotKeeper(service.fetch, service.verify, max_age=1,
                            timeout=1, max_skew=60)
    keeper._abandoned = [types.SimpleNamespace(is_alive=lambda: True)] * 4
    with pytest.raises(Unavailable):
        keeper.latest()


@pytest.fixture
def registered(monkeypatch):
    (validator,) = extra_specs.register()
    monkeypatch.setitem(validators.VALIDATORS, validator.name, validator)
    monkeypatch.setattr(validators, "NAMESPACES",
                        validators.NAMESPACES | {admission.NAMESPACE})


def test_g5_nova_api_refuses_typos(registered):
    validators.validate("trusted_launch:profile", "gold-1.x")
    for name, value in [("trusted_launch:profil", "gold"),
                        ("trusted_launch:profile", "go ld"),
                        ("trusted_launch:profile", "")]:
        with pytest.raises(validators.exception.ValidationError):
            validators.validate(name, value)
