# SPDX-License-Identifier: Apache-2.0
"""Who gets an instance's keys: one good case, and one lie at a time."""

from __future__ import annotations

import dataclasses
import datetime
import itertools

import pytest

from attestation_service import records as r
from attestation_service.core.release import decide
from attestation_service.core.release_case import (
    Grant,
    Refuse,
    wanted_key,
    wanted_launch,
)
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from nova_trusted_launch.wire.results import TrustTier
from tests.unit.core.releases import (
    DIGEST,
    FIRST,
    HOUR,
    LATER,
    LEASE,
    NOW,
    OTHER_DIGEST,
    having,
    policy,
    result,
)


def test_first_release():
    assert decide(FIRST, NOW) == Grant(
        "p1", (("gold", 3),), "img-1", DIGEST, "k1", "t1", "ref-n", b"H(N)",
        new_disk=True, counts=True)


def test_later_release_uses_the_lease():
    assert decide(LATER, NOW) == Grant(
        "p1", (("gold", 3),), "img-1", DIGEST, "k1", "t1", "ref-n", b"H(N)",
        new_disk=False, counts=False)


def test_g7_metadata_taken_away_changes_nothing():
    bare = having(LATER, request__profile=None, request__image_id=None,
                  request__key_id=None, request__launch_id=None)
    assert decide(bare, NOW) == decide(LATER, NOW)
    assert wanted_key(bare.request, LEASE) == "k1"
    assert wanted_launch(bare.request, LEASE) == "t1"
    other = dataclasses.replace(bare.request, key_id="k2", launch_id="t2")
    assert wanted_key(other, LEASE) == "k1"
    assert wanted_launch(other, LEASE) == "t1"


def test_nothing_but_a_profile():
    plain = having(FIRST, request__key_id=None, request__launch_id=None,
                   request__image_id=None, key=None, launch=None)
    assert decide(plain, NOW) == Grant(
        "p1", (("gold", 3),), "img-1", None, None, None, None, None,
        new_disk=True, counts=False)


def test_boot_from_volume_has_no_image():
    volume = having(FIRST, request__image_id=None, whereabouts__image_id=None,
                    request__key_id=None, key=None, launch__image_id=None,
                    launch__image_digest=None)
    found = decide(volume, NOW)
    assert isinstance(found, Grant)
    assert (found.image_id, found.image_digest) == (None, None)


@pytest.mark.parametrize("action", Action)
def test_every_action_may_open_a_lease_and_use_one(action):
    for case in (FIRST, LATER):
        found = decide(having(case, request__action=action), NOW)
        assert isinstance(found, Grant)
        assert found.new_disk == (
            case is FIRST or action is Action.REBUILD)


ATTACKS = [
    ("e3 retired", Code.ATTESTER_RETIRED, {
        "attester__state": r.AttesterState.RETIRED}),
    ("pending", Code.ATTESTER_PENDING, {
        "attester__state": r.AttesterState.PENDING}),
    ("e1 no such instance", Code.RELEASE_WRONG_PLACE, {
        "whereabouts": None}),
    ("e3 deleted in Nova", Code.RELEASE_CLOSED, {
        "whereabouts__deleted": True}),
    ("e1 elsewhere", Code.RELEASE_WRONG_PLACE, {
        "whereabouts__hosts": frozenset({"host-2"})}),
    ("e1 nowhere", Code.RELEASE_WRONG_PLACE, {
        "whereabouts__hosts": frozenset()}),
    ("e1 key of another project", Code.RELEASE_WRONG_PROJECT, {
        "key__project_id": "p2"}),
    ("e1 instance of another project", Code.RELEASE_WRONG_PROJECT, {
        "whereabouts__project_id": "p2"}),
    ("e2 token of another project", Code.TOKEN_UNKNOWN, {
        "launch__project_id": "p2"}),
    ("no such key", Code.KEY_UNKNOWN, {"key": None}),
    ("disk key by its id", Code.KEY_UNKNOWN, {
        "key__purpose": r.KeyPurpose.DISK}),
    ("e3 key expired", Code.RELEASE_EXPIRED, {
        "key__policy": policy(expires_at=NOW)}),
    ("e2 no such token", Code.TOKEN_UNKNOWN, {"launch": None}),
    ("e2 token of another instance", Code.TOKEN_SPENT, {
        "launch__instance_id": "vm-2"}),
    ("h3 nobody names a profile", Code.RELEASE_NO_PROFILE, {
        "request__profile": None,
        "key__policy": policy(profile=None, demand_token=False),
        "request__launch_id": None, "launch": None}),
    ("h3 profile not in force", Code.PROFILE_UNKNOWN, {"results": {}}),
    ("e2 weaker profile asked", Code.RELEASE_NOT_AFFIRMING, {
        "request__profile": "tin", "usable": {"gold": None, "tin": None},
        "results": {"tin": result("tin"),
                    "gold": result(tier=TrustTier.NONE)}}),
    ("h3 profile asked on top not in force", Code.PROFILE_UNKNOWN, {
        "request__profile": "tin"}),
    ("result expired", Code.RELEASE_NOT_AFFIRMING, {
        "results": {"gold": result(life=0 * HOUR)}}),
    ("no finding", Code.RELEASE_NOT_AFFIRMING, {
        "results": {"gold": result(details=())}}),
    *[(f"tier {tier.label}", Code.RELEASE_NOT_AFFIRMING, {
        "results": {"gold": result(tier=tier)}})
      for tier in TrustTier if tier is not TrustTier.AFFIRMING],
]
FIRST_ONLY = [
    ("key used up", Code.RELEASE_EXHAUSTED, {"key__launches_used": 2}),
    ("e2 key demands a token", Code.TOKEN_DEMANDED, {
        "request__launch_id": None, "launch": None}),
    ("token expired", Code.TOKEN_EXPIRED, {"launch__expires_at": NOW}),
    ("e1 host names another image than Nova", Code.RELEASE_WRONG_IMAGE, {
        "request__image_id": "img-2", "key__policy": policy(image_id=None),
        "launch__image_id": None}),
    ("e1 Nova names another image than the host", Code.RELEASE_WRONG_IMAGE, {
        "whereabouts__image_id": "img-2"}),
    ("e1 Nova names no image", Code.RELEASE_WRONG_IMAGE, {
        "whereabouts__image_id": None}),
    ("e1 host names an image and Nova none", Code.RELEASE_WRONG_IMAGE, {
        "whereabouts__image_id": None, "key__policy": policy(image_id=None),
        "launch__image_id": None}),
    ("e1 key of another image", Code.RELEASE_WRONG_IMAGE, {
        "key__policy": policy(image_id="img-2")}),
    ("e2 token of another image", Code.TOKEN_MISMATCH, {
        "launch__image_id": "img-2"}),
    ("e2 token of another digest", Code.TOKEN_MISMATCH, {
        "launch__image_digest": OTHER_DIGEST}),
    ("e1 neither names the key's image", Code.RELEASE_WRONG_IMAGE, {
        "whereabouts__image_id": None, "request__image_id": None,
        "launch__image_id": None}),
    ("profile not for the project", Code.PROFILE_UNKNOWN, {
        "usable": {"gold": ("p2", "p3")}}),
    ("profile nobody knows who may use", Code.PROFILE_UNKNOWN, {
        "usable": {}}),
]
LATER_ONLY = [
    ("e3 lease closed", Code.RELEASE_CLOSED, {"lease__closed_at": NOW}),
    ("e1 another image asked", Code.RELEASE_WRONG_IMAGE, {
        "request__image_id": "img-2"}),
    ("e1 another key asked", Code.RELEASE_WRONG_IMAGE, {
        "request__key_id": "k2"}),
    ("e2 another token asked", Code.TOKEN_MISMATCH, {
        "request__launch_id": "t2"}),
    ("e1 lease of another project", Code.RELEASE_WRONG_PROJECT, {
        "lease__project_id": "p2"}),
    ("e1 Nova moved to another image", Code.RELEASE_WRONG_IMAGE, {
        "whereabouts__image_id": "img-2"}),
    ("e1 lease's digest is another", Code.RELEASE_WRONG_IMAGE, {
        "lease__image_digest": OTHER_DIGEST}),
    ("e1 Nova lost the image", Code.RELEASE_WRONG_IMAGE, {
        "whereabouts__image_id": None}),
    ("e1 Nova has an image and the lease none", Code.RELEASE_WRONG_IMAGE, {
        "lease__image_id": None, "request__image_id": None,
        "key__policy": policy(image_id=None), "launch__image_id": None}),
    ("once trusted, always: lease's profile", Code.RELEASE_NOT_AFFIRMING, {
        "lease__profiles": ("gold", "platinum"),
        "usable": {"gold": None, "platinum": None},
        "results": {"gold": result(), "platinum": result(
            "platinum", TrustTier.CONTRAINDICATED)}}),
    ("once trusted, always: profile retired", Code.PROFILE_UNKNOWN, {
        "lease__profiles": ("gold", "platinum")}),
]


def cases():
    for base, name, table in ((FIRST, "first", ATTACKS + FIRST_ONLY),
                              (LATER, "later", ATTACKS + LATER_ONLY)):
        for what, code, lies in table:
            if base is LATER and code is Code.RELEASE_NO_PROFILE:
                continue                    # The lease always names one.
            yield pytest.param(base, code, lies, id=f"{name}-{what}")


@pytest.mark.parametrize(("base", "code", "lies"), list(cases()))
def test_one_lie_and_the_answer_is_no(base, code, lies):
    found = decide(having(base, **lies), NOW)
    assert isinstance(found, Refuse)
    assert found.code is code
    assert found.detail


@pytest.mark.parametrize(("base", "truths"), [
    pytest.param(FIRST, {"key__policy": policy(
        expires_at=NOW + datetime.timedelta(microseconds=1))},
        id="key about to expire"),
    pytest.param(FIRST, {"key__policy": policy(expires_at=None)},
                 id="key without expiry"),
    pytest.param(FIRST, {"key__policy": policy(launches=None),
                         "key__launches_used": 99}, id="any number"),
    pytest.param(FIRST, {"launch__instance_id": "vm-1",
                         "launch__expires_at": NOW}, id="bound to it"),
    pytest.param(FIRST, {"usable": {"gold": ("p2", "p1")}},
                 id="profile for the project"),
    pytest.param(LATER, {"usable": {"gold": ("p2",)}},
                 id="profile taken from the project later"),
    pytest.param(LATER, {"lease__image_id": None,
                         "key__policy": policy(image_id=None),
                         "launch__image_id": None,
                         "whereabouts__image_id": None,
                         "request__image_id": None},
                 id="lease without an image"),
])
def test_the_edge_of_a_refusal(base, truths):
    assert isinstance(decide(having(base, **truths), NOW), Grant)


def test_every_profile_that_anybody_names_must_hold():
    names = ("asked", "key's", "token's", "lease's")
    case = having(LATER, request__profile="asked",
                  key__policy=policy(profile="key's"),
                  launch__profile="token's", lease__profiles=("lease's",),
                  usable=dict.fromkeys(names))
    good = {name: result(name) for name in names}
    found = decide(having(case, results=good), NOW)
    assert isinstance(found, Grant)
    assert [name for name, _ in found.satisfied] == sorted(names)
    for name in names:
        bad = {**good, name: result(name, TrustTier.WARNING)}
        assert decide(having(case, results=bad), NOW).code is (
            Code.RELEASE_NOT_AFFIRMING)
        del bad[name]
        assert decide(having(case, results=bad), NOW).code is (
            Code.PROFILE_UNKNOWN)


@pytest.mark.parametrize("tiers", list(itertools.product(TrustTier,
                                                         repeat=2)))
def test_affirming_only_when_all_are(tiers):
    case = having(LATER, lease__profiles=("gold", "platinum"),
                  usable={"gold": None, "platinum": None},
                  results={"gold": result(tier=tiers[0]),
                           "platinum": result("platinum", tiers[1])})
    assert isinstance(decide(case, NOW), Grant) == (
        set(tiers) == {TrustTier.AFFIRMING})


def test_a_refusal_says_what_is_wrong_with_the_host():
    bad = result(tier=TrustTier.NONE, details=list("abcde"))
    found = decide(having(FIRST, results={"gold": bad}), NOW)
    assert found.detail == (
        "host 'host-1' is none for 'gold' version 3: a, b, c and 2 more")
    old = result(life=0 * HOUR)
    found = decide(having(FIRST, results={"gold": old}), NOW)
    assert found.detail == ("host 'host-1' is affirming for 'gold' version "
                            "3: its result has expired")
    four = result(tier=TrustTier.NONE, details=list("abcd"))
    assert decide(having(FIRST, results={"gold": four}),
                  NOW).detail.endswith(": a, b, c and 1 more")
    three = result(tier=TrustTier.NONE, details=list("abc"))
    assert decide(having(FIRST, results={"gold": three}),
                  NOW).detail.endswith(": a, b, c")


def test_a_refusal_names_every_profile_that_fails():
    case = having(LATER, lease__profiles=("gold", "platinum"),
                  usable={"gold": None, "platinum": None},
                  results={"gold": result(tier=TrustTier.NONE),
                           "platinum": result("platinum", TrustTier.NONE)})
    assert "'gold'" in decide(case, NOW).detail
    assert "'platinum'" in decide(case, NOW).detail
