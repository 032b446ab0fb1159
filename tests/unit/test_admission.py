# SPDX-License-Identifier: Apache-2.0
"""What asks for trust, and which hosts are good enough."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_trusted_launch import admission
from nova_trusted_launch.admission import (
    Admitted, Contradiction, Needed, Refused, Requirement)
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import SnapshotEntry

NOW = 1000
GOLD = {"trusted_launch:profile": "gold"}


def entry(profile="gold", tier=TrustTier.AFFIRMING, expires=NOW + 1):
    return SnapshotEntry("host", profile, tier, expires)


def decide(needed, known):
    return admission.Judge(needed, NOW).decide(known)


def test_nothing_asked_is_no_requirement():
    assert Requirement.read({"hw:cpu_policy": "shared"},
                            hints={"group": ["x"]},
                            metadata={"role": "web"}) is None


@pytest.mark.parametrize("asked", [
    {"extra_specs": GOLD},
    {"image": {"trusted_launch_profile": "gold"}},
    {"hints": {"trusted_launch": ["gold"]}},
    {"hints": {"trusted_launch": "gold"}},
    {"metadata": {"trusted_launch": "gold"}},
])
def test_each_source_can_name_the_profile(asked):
    asked = {"extra_specs": {}, **asked}
    found = Requirement.read(asked.pop("extra_specs"), **asked)
    assert found == Requirement("gold")


@pytest.mark.parametrize("asked", [
    pytest.param({"hints": {"trusted_launch": ["silver"]}}, id="hint"),
    pytest.param({"image": {"trusted_launch_profile": "silver"}}, id="image"),
    pytest.param({"metadata": {"trusted_launch": "silver"}}, id="metadata"),
    pytest.param({"hints": {"trusted_launch": ["gold", "silver"]}},
                 id="two hints"),
    pytest.param({"hints": {"trusted_launch": []}}, id="empty hint"),
    pytest.param({"hints": {"trusted_launch": [["gold"]]}}, id="nested"),
    pytest.param({"hints": {"trusted_launch": [""]}}, id="empty name"),
    pytest.param({"hints": {"trusted-launch": ["gold"]}}, id="misspelt"),
    pytest.param({"hints": {"trusted_launch_tokn": ["x"]}}, id="token typo"),
    pytest.param({"hints": {"trusted_launch_token": ["a"]},
                  "metadata": {"trusted_launch_token": "b"}}, id="tokens"),
    pytest.param({"image": {"trusted_launch_key_id": "../x"}}, id="key"),
])
def test_contradiction_refuses(asked):
    with pytest.raises(Contradiction):
        Requirement.read(GOLD, **asked)


@pytest.mark.parametrize("key", [
    "trusted_launch:profil", "trusted_launch:Profile", "trusted_launch",
    "trusted-launch:profile", "Trusted_Launch:profile",
    "trustedlaunch:profile", "trust_launch:profile",
])
def test_g5_misspelt_extra_spec_asks_for_trust(key):
    with pytest.raises(Contradiction):
        Requirement.read({key: "gold"})


@pytest.mark.parametrize("value", ["", " gold", "go/ld", "x" * 65, "g\n"])
def test_malformed_profile_refuses(value):
    with pytest.raises(Contradiction):
        Requirement.read({"trusted_launch:profile": value})


def test_trait_on_image_or_flavor_asks_for_trust():
    trait = admission.trait_of("gold-1.x")
    assert trait == "CUSTOM_TRUSTED_LAUNCH_GOLD_1_X"
    by_image = Requirement.read({}, image_traits=[trait, "HW_CPU_X86_AVX"])
    by_flavor = Requirement.read({f"trait:{trait}": "required"})
    by_group = Requirement.read({f"trait1:{trait}": "required"})
    assert by_image == by_flavor == by_group == Requirement(
        traits=frozenset([trait]))
    known = {"gold-1.x", "gold_1.x", "silver"}
    assert by_image.profiles(known) == Needed(
        frozenset({"gold-1.x", "gold_1.x"}))


def test_trait_nobody_has_refuses():
    with pytest.raises(Contradiction):
        Requirement.read({}, image_traits=[
            "CUSTOM_TRUSTED_LAUNCH_LEAD"]).profiles({"gold"})


def test_forbidden_trait_of_the_own_profile_refuses():
    with pytest.raises(Contradiction):
        Requirement.read({**GOLD,
                          "trait:CUSTOM_TRUSTED_LAUNCH_GOLD": "forbidden"})


@pytest.mark.parametrize("specs", [
    {"trait:CUSTOM_TRUSTED_LAUNCH_SILVER": "forbidden"},
    {"trait:CUSTOM_TRUSTED_LAUNCH_GOLD": "required"},
    {"resources:CUSTOM_TRUSTED_LAUNCH_GOLD": "forbidden"},
])
def test_another_trait_or_another_word_does_not_contradict(specs):
    assert Requirement.read({**GOLD, **specs}).profile == "gold"


@pytest.mark.parametrize("specs", [
    {"trait:CUSTOM_TRUSTED_LAUNCH_GOLD": "forbidden"},
    {"resources:CUSTOM_TRUSTED_LAUNCH_GOLD": "required"},
    {"CUSTOM_TRUSTED_LAUNCH_GOLD": "required"},
    {"trusted_launches": "gold"}, {"trust_launcher:profile": "gold"},
])
def test_what_only_looks_like_it_asks_for_nothing(specs):
    assert Requirement.read(specs) is None


def test_image_key_alone_asks_for_trust():
    assert Requirement.read({}, image={"trusted_launch_key_id": "k-1"}
                            ) == Requirement(key_id="k-1")


def test_a_refusal_says_its_code_and_its_reason():
    assert Refused(Code.HOST_EXPIRED, "too old").text == (
        "host.expired: too old")


def test_token_alone_needs_some_profile():
    needed = Requirement.read(
        {}, hints={"trusted_launch_token": ["1-2"]}).profiles(["a", "b"])
    assert needed == Needed(frozenset({"a", "b"}), any_one=True)
    good = {"a": entry("a", TrustTier.WARNING), "b": entry("b")}
    assert decide(needed, good) == Admitted()
    del good["b"]
    assert isinstance(decide(needed, good), Refused)


def test_token_with_no_profile_known_refuses():
    needed = Requirement(token="x").profiles([])
    assert isinstance(decide(needed, {"a": entry("a")}),
                      Refused)


@pytest.mark.parametrize("known, code", [
    pytest.param(None, Code.HOST_NO_RESULT, id="unknown host"),
    pytest.param({}, Code.HOST_NO_RESULT, id="no result"),
    pytest.param({"lead": entry("lead")}, Code.HOST_NO_RESULT,
                 id="other profile"),
    pytest.param({"gold": entry(expires=NOW)}, Code.HOST_EXPIRED,
                 id="expired"),
    pytest.param({"gold": entry(tier=TrustTier.WARNING)},
                 Code.HOST_NOT_AFFIRMING, id="warning"),
])
def test_host_is_refused(known, code):
    verdict = decide(Needed(frozenset({"gold"})), known)
    assert isinstance(verdict, Refused) and verdict.code is code


def test_all_profiles_have_to_be_affirming():
    needed = Needed(frozenset({"a", "b", "c"}))
    for tiers in itertools.product(TrustTier, repeat=3):
        known = {p: entry(p, t) for p, t in zip("abc", tiers, strict=True)}
        passed = decide(needed, known) == Admitted()
        assert passed == (set(tiers) == {TrustTier.AFFIRMING})


words = st.one_of(st.text(max_size=8), st.sampled_from([
    "gold", "trusted_launch", "trusted_launch:profile",
    "trusted_launch_token", "trusted_launch_profile"]))
values = st.one_of(words, st.none(), st.integers(),
                   st.lists(words, max_size=2))


@given(st.dictionaries(words, words), st.dictionaries(words, values),
       st.dictionaries(words, values), st.dictionaries(words, words))
def test_reading_is_total(extra_specs, image, hints, metadata):
    try:
        found = Requirement.read(extra_specs, image=image, hints=hints,
                                 metadata=metadata)
    except Contradiction:
        return
    if "trusted_launch:profile" in extra_specs:
        assert found is not None
