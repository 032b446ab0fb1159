# SPDX-License-Identifier: Apache-2.0
"""The bundle of keys: bound to its key and its release."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from attestation_service.core import bundle
from nova_trusted_launch.wire.release import Bundle

KEYS = Bundle(b"i" * 32, b"d" * 32, b"n" * 32)
KEY, NONCE = b"\1" * 32, b"\2" * 12


def opened(sealed, release_id=b"r1", key=KEY):
    return Bundle.from_bytes(AESGCM(key).decrypt(
        sealed[:12], sealed[12:], release_id))


def test_the_key_opens_the_bundle_of_its_release():
    sealed = bundle.encrypt(KEYS, key=KEY, nonce=NONCE, release_id="r1")
    assert sealed[:12] == NONCE
    assert opened(sealed) == KEYS


def test_e6_a_bundle_is_not_that_of_another_release():
    sealed = bundle.encrypt(KEYS, key=KEY, nonce=NONCE, release_id="r1")
    with pytest.raises(InvalidTag):
        opened(sealed, b"r2")
    with pytest.raises(InvalidTag):
        opened(sealed, key=b"\3" * 32)


def test_e7_a_bundle_does_not_show_itself():
    assert repr(KEYS) == "<Bundle of secrets>"
    assert b"i" * 8 not in bundle.encrypt(KEYS, key=KEY, nonce=NONCE,
                                          release_id="r1")


@pytest.mark.parametrize(("key", "nonce"), [
    (b"\1" * 16, NONCE), (KEY, b"\2" * 16), (b"", NONCE), (KEY, b"")])
def test_weaker_parameters_are_our_own_mistake(key, nonce):
    with pytest.raises(ValueError, match="32"):
        bundle.encrypt(KEYS, key=key, nonce=nonce, release_id="r1")
