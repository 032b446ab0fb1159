# SPDX-License-Identifier: Apache-2.0
"""Rebuild is the one action that may bring another image."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service.core.release import decide
from attestation_service.core.release_case import (
    Grant,
    wanted_key,
    wanted_launch,
)
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from tests.unit.core.releases import (
    BOUND,
    DIGEST,
    KEY,
    LATER,
    LAUNCH,
    LEASE,
    NOW,
    OTHER_DIGEST,
    having,
    policy,
)

REBUILT = having(LATER, request__action=Action.REBUILD)
KEY2 = dataclasses.replace(KEY, id="k2", launches_used=0,
                           policy=policy(image_id="img-2",
                                         image_digest=OTHER_DIGEST))
LAUNCH2 = dataclasses.replace(LAUNCH, id="t2", image_id="img-2",
                              image_digest=OTHER_DIGEST, nonce_ref="ref-2",
                              nonce_digest=b"H(2)")
REPLACED = having(
    REBUILT, request__image_id="img-2", request__key_id="k2",
    request__launch_id="t2", key=KEY2, launch=LAUNCH2,
    whereabouts__image_id="img-2")


def test_rebuild_from_the_same_image_keeps_the_nonce():
    assert decide(REBUILT, NOW) == Grant(
        "p1", (("gold", 3),), "img-1", DIGEST, "k1", "t1", "ref-n", b"H(N)",
        new_disk=True, counts=False)


def test_rebuild_with_another_image_and_its_own_token():
    assert wanted_key(REPLACED.request, LEASE) == "k2"
    assert wanted_launch(REPLACED.request, LEASE) == "t2"
    assert decide(REPLACED, NOW) == Grant(
        "p1", (("gold", 3),), "img-2", OTHER_DIGEST, "k2", "t2", "ref-2",
        b"H(2)", new_disk=True, counts=True)


@pytest.mark.parametrize("lies", [
    pytest.param({"request__launch_id": None}, id="token left out"),
    pytest.param({"request__launch_id": "t1"}, id="the old token"),
])
def test_e2_another_image_never_learns_the_old_nonce(lies):
    old = having(REPLACED, launch=dataclasses.replace(
        BOUND, image_id=None, image_digest=None), **lies)
    assert decide(old, NOW).code is Code.TOKEN_MISMATCH


def test_e2_a_plain_image_in_place_of_the_encrypted_one():
    plain = having(REBUILT, request__key_id=None, request__launch_id=None,
                   key=None)
    assert decide(plain, NOW).code is Code.TOKEN_MISMATCH


def test_rebuild_without_tokens_makes_a_new_nonce_for_a_new_image():
    free = having(REPLACED, request__launch_id=None, launch=None,
                  lease__launch_id=None,
                  key__policy=policy(image_id="img-2", demand_token=False,
                                     image_digest=OTHER_DIGEST))
    found = decide(free, NOW)
    assert isinstance(found, Grant)
    assert (found.nonce_ref, found.nonce_digest, found.launch_id) == (
        None, None, None)
    assert (found.image_digest, found.counts) == (OTHER_DIGEST, True)


def test_rebuild_without_tokens_keeps_the_nonce_of_the_same_image():
    free = having(REBUILT, request__launch_id=None, launch=None,
                  lease__launch_id=None,
                  key__policy=policy(demand_token=False))
    found = decide(free, NOW)
    assert (found.nonce_ref, found.launch_id) == ("ref-n", None)


def test_rebuild_must_satisfy_the_old_profiles():
    bad = having(REPLACED, lease__profiles=("platinum",),
                 usable={"gold": None, "platinum": None})
    assert decide(bad, NOW).code is Code.PROFILE_UNKNOWN


def test_rebuild_of_the_same_image_with_another_digest():
    bad = having(REBUILT, lease__image_digest=OTHER_DIGEST)
    assert decide(bad, NOW).code is Code.TOKEN_MISMATCH


@pytest.mark.parametrize(("lies", "code"), [
    ({"key__launches_used": 2}, Code.RELEASE_EXHAUSTED),
    ({"launch__expires_at": NOW}, Code.TOKEN_EXPIRED),
    ({"launch__instance_id": "vm-2"}, Code.TOKEN_SPENT),
    ({"lease__closed_at": NOW}, Code.RELEASE_CLOSED),
    ({"lease__project_id": "p2"}, Code.RELEASE_WRONG_PROJECT),
    ({"launch__image_id": "img-1"}, Code.TOKEN_MISMATCH),
    ({"whereabouts__image_id": "img-1"}, Code.RELEASE_WRONG_IMAGE),
])
def test_rebuild_is_asked_like_a_first_release(lies, code):
    assert decide(having(REPLACED, **lies), NOW).code is code
