# SPDX-License-Identifier: Apache-2.0
"""The adapter for Placement, against a real one in process."""

from __future__ import annotations

import uuid

import pytest

from attestation_service.cloud import placement
from attestation_service.core import errors
from nova_trusted_launch import admission
from tests.fixtures import placement_api

OURS = "CUSTOM_TRUSTED_LAUNCH_GOLD"
FOREIGN = {"CUSTOM_FOREIGN", "HW_CPU_X86_AESNI"}
OTHER = "CUSTOM_TRUSTED_LAUNCH_BASE_LINE_1"


@pytest.fixture(scope="session")
def application(tmp_path_factory):
    return placement_api.application(tmp_path_factory.mktemp("placement"))


@pytest.fixture
def app(application):
    return placement_api.OutOfOrder(application)


@pytest.fixture
def api(application):
    return placement_api.connect(application)


@pytest.fixture
def traits(app):
    return placement.PlacementTraits(placement_api.connect(app))


@pytest.fixture
def host(api):
    return provider(api)


def provider(api, name=None):
    name = name or f"host-{uuid.uuid4()}"
    made = api.post("/resource_providers", json={"name": name},
                    microversion="1.20").json()
    api.put("/traits/CUSTOM_FOREIGN", microversion="1.6")
    api.put(f"/resource_providers/{made['uuid']}/traits",
            microversion="1.6", json={
                "resource_provider_generation": made["generation"],
                "traits": sorted(FOREIGN)})
    return name


def url_of(api, name):
    (found,) = api.get("/resource_providers", params={
        "name": name}).json()["resource_providers"]
    return f"/resource_providers/{found['uuid']}/traits"


def listed(api, name):
    """Return all traits but the foreign ones, which are still there."""
    found = set(api.get(url_of(api, name),
                        microversion="1.6").json()["traits"])
    assert found >= FOREIGN
    return found - FOREIGN


def test_traits_come_and_go_and_foreign_ones_stay(api, traits, host):
    known = ["gold", "base-line.1"]
    traits.publish(host, known, known)
    assert listed(api, host) == {OURS, OTHER}
    traits.publish(host, ["gold"], known)
    assert listed(api, host) == {OURS}
    traits.publish(host, [], known)
    assert listed(api, host) == set()


def test_only_known_profiles_lose_their_trait(api, traits, host):
    traits.publish(host, ["gold"], ["gold"])
    traits.publish(host, ["base-line.1"], ["base-line.1"])
    assert listed(api, host) == {OURS, OTHER}


@pytest.mark.parametrize("profile", ["gold", "Base-Line.1", "a_b", "7"])
def test_traits_are_spelt_as_the_filter_spells_them(profile):
    assert placement.trait_of(profile) == admission.trait_of(profile)


def test_two_names_of_one_trait_do_not_take_it_from_each_other(
        api, traits, host):
    traits.publish(host, ["base.line.1"], ["base.line.1", "base-line-1"])
    assert listed(api, host) == {OTHER}


def test_nothing_is_written_when_nothing_changes(api, app, traits, host):
    traits.publish(host, ["gold"], ["gold"])
    asked = []
    app.first = lambda environ: asked.append(environ["REQUEST_METHOD"])
    traits.publish(host, ["gold"], ["gold"])
    assert asked == ["GET"]


def test_a_change_by_another_is_seen_and_kept(api, app, traits, host):
    """Nova-compute writes between our read and our write."""
    api.put("/traits/CUSTOM_LATE", microversion="1.6")
    url = url_of(api, host)
    quarrels = []

    def first(environ):
        if environ["REQUEST_METHOD"] == "PUT" and len(quarrels) < 2 and (
                environ["PATH_INFO"].startswith("/resource_providers")):
            now = api.get(url, microversion="1.6").json()
            late = set(now["traits"]) ^ {"CUSTOM_LATE"}
            quarrels.append(late)
            api.put(url, microversion="1.6", json={
                "resource_provider_generation":
                    now["resource_provider_generation"],
                "traits": sorted(late | {"HW_CPU_X86_AVX"})})
    app.first = first
    traits.publish(host, ["gold"], ["gold"])
    assert len(quarrels) == 2
    assert OURS in listed(api, host)
    assert "HW_CPU_X86_AVX" in listed(api, host)


def test_a_provider_that_always_changes_is_given_up(api, app, traits, host):
    url = url_of(api, host)

    def first(environ):
        if (environ["REQUEST_METHOD"] == "PUT"
                and environ["PATH_INFO"].startswith("/resource_providers")):
            now = api.get(url, microversion="1.6").json()
            api.put(url, microversion="1.6", json={
                "resource_provider_generation":
                    now["resource_provider_generation"],
                "traits": sorted(set(now["traits"]) ^ {"HW_CPU_X86_AVX"})})
    app.first = first
    with pytest.raises(errors.Unavailable):
        traits.publish(host, ["gold"], ["gold"])


def test_a_host_without_a_provider_is_no_error(traits):
    traits.publish("nowhere", ["gold"], ["gold"])


def test_a_host_that_is_not_called_like_its_node(api, app):
    node = provider(api)
    traits = placement.PlacementTraits(
        placement_api.connect(app), nodes=lambda host: [node, "other"])
    traits.publish("nova-compute-name", ["gold"], ["gold"])
    assert listed(api, node) == {OURS}


def test_a_provider_made_anew_is_found_next_time(api, traits, host):
    traits.publish(host, ["gold"], ["gold"])
    api.delete(url_of(api, host).removesuffix("/traits"))
    traits.publish(host, ["gold"], ["gold"])
    provider(api, host)
    traits.publish(host, ["gold"], ["gold"])
    assert listed(api, host) == {OURS}


@pytest.mark.parametrize("status", [400, 401, 403, 500, 503])
def test_a_placement_that_fails_is_unavailable(app, traits, host, status):
    app.status = status
    with pytest.raises(errors.Unavailable):
        traits.publish(host, ["gold"], ["gold"])
