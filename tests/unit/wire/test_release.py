# SPDX-License-Identifier: Apache-2.0
"""What both sides of a release must agree on to the byte, and bounds."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.release import (
    Action,
    Bundle,
    Released,
    ReleaseRequest,
    SealedKey,
    policy_ref,
)
from tests.unit.wire.specimens import SPECIMENS

REQUEST = ReleaseRequest("a1", "vm", Action.SPAWN, b"t" * 16)
(SEALED,) = [s for s in SPECIMENS if isinstance(s, SealedKey)]
(RELEASED,) = [s for s in SPECIMENS if isinstance(s, Released)]


def test_the_policy_reference_is_what_it_always_was():
    assert policy_ref("r1") == hashlib.sha256(
        b"trusted-launch-policy-1\0r1").digest()


def test_the_binding_is_what_it_always_was():
    asked = hashlib.sha256(encoding.canonical(REQUEST.to_dict())).digest()
    assert REQUEST.binding(b"n" * 32) == hashlib.sha256(
        b"trusted-launch-release-1\0" + b"n" * 32 + asked).digest()


@pytest.mark.parametrize("size", [16, 64])
def test_a_nonce_of_the_tpm_has_this_size(size):
    changed = dataclasses.replace(REQUEST, nonce_tpm=bytes(size))
    assert ReleaseRequest.from_dict(changed.to_dict()) == changed


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_nonce_of_the_tpm_has_no_other_size(size):
    with pytest.raises(WireError):
        dataclasses.replace(REQUEST, nonce_tpm=bytes(size))


@pytest.mark.parametrize("seconds", [1, 2 ** 31 - 1])
def test_a_policy_session_ends(seconds):
    changed = dataclasses.replace(SEALED, expiration=seconds)
    assert SealedKey.from_dict(changed.to_dict()) == changed


@pytest.mark.parametrize("seconds", [-1, 0, 2 ** 31])
def test_a_policy_session_ends_after_its_start_and_some_day(seconds):
    changed = dataclasses.replace(SEALED, expiration=seconds)
    with pytest.raises(WireError):
        SealedKey.from_dict(changed.to_dict())


@pytest.mark.parametrize("image_key", [None, b"i" * 32])
def test_a_bundle_is_read_as_it_was_written(image_key):
    bundle = Bundle(image_key, b"d" * 32, b"n" * 32)
    assert Bundle.from_bytes(bundle.to_bytes()) == bundle
    written = encoding.loads(bundle.to_bytes(), max_size=4096)
    assert (written["image_key"] is None) is (image_key is None)


def test_a_bundle_is_no_larger_than_this():
    text = Bundle(None, b"", b"n").to_bytes()
    # Four characters of base64 hold three bytes.
    room = (4096 - len(text)) // 4 * 3
    fits = Bundle(None, bytes(room), b"n").to_bytes()
    assert Bundle.from_bytes(fits + b" " * (4096 - len(fits)))
    with pytest.raises(WireError):
        Bundle.from_bytes(fits + b" " * (4097 - len(fits)))


def test_a_receipt_is_no_longer_than_this():
    fits = dataclasses.replace(RELEASED, receipt="r" * 65536)
    assert Released.from_dict(fits.to_dict()) == fits
    with pytest.raises(WireError):
        Released.from_dict(dataclasses.replace(
            RELEASED, receipt="r" * 65537).to_dict())
