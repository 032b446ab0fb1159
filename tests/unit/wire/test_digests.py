# SPDX-License-Identifier: Apache-2.0
"""Banks and selections: numbers of TPMs, sizes, what is no register."""

from __future__ import annotations

import hashlib

import pytest

from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from nova_trusted_launch.wire.encoding import WireError

VALUE = bytes(32)


@pytest.mark.parametrize(("alg", "number"), [
    (HashAlg.SHA256, 0x000B), (HashAlg.SHA384, 0x000C),
    (HashAlg.SHA512, 0x000D)])
def test_algorithms_have_the_numbers_of_the_tpm_and_the_sizes_of_digests(
        alg, number):
    assert alg.value == alg.tpm_id == number
    assert HashAlg(number) is alg
    assert alg.size == len(alg.digest(b"")) == hashlib.new(
        alg.label).digest_size


@pytest.mark.parametrize("register", [True, 1.0, -1, 24, "1"])
def test_what_is_no_register(register):
    with pytest.raises(WireError):
        PcrSelection(HashAlg.SHA256, frozenset({register}))


@pytest.mark.parametrize("name", ["²", "٣", "01", "+1", "", "24", "-1"])
def test_what_is_no_name_of_a_register(name):
    with pytest.raises(WireError):
        PcrBank.from_dict({"sha256": {name: VALUE.hex()}})


def test_registers_are_in_the_order_of_the_tpm():
    values = {10: b"\3" * 32, 0: b"\1" * 32, 7: b"\2" * 32}
    bank = PcrBank(HashAlg.SHA256, values)
    assert list(bank.values) == [0, 7, 10]
    assert bank.concatenated() == b"\1" * 32 + b"\2" * 32 + b"\3" * 32
    assert list(bank.to_dict()["sha256"]) == ["0", "7", "10"]
    assert list(bank.only([10, 0]).values) == [0, 10]


@pytest.mark.parametrize("label", ["sha1", "SHA256", "sm3_256", "", None, 11])
def test_c3_what_is_no_bank_of_ours(label):
    with pytest.raises(WireError):
        HashAlg.from_label(label)
    with pytest.raises(WireError):
        PcrSelection.from_dict({label: [1]})


def test_one_wrong_register_among_right_ones_is_refused():
    for registers in ([1, 24], [1, 1], [1, "2"], [1, True]):
        with pytest.raises(WireError):
            PcrSelection.from_dict({"sha256": registers})
    with pytest.raises(WireError):
        PcrSelection(HashAlg.SHA256, frozenset({1, 24}))


@pytest.mark.parametrize("size", [0, 20, 31, 33, 48])
def test_c1_one_value_of_another_size_among_right_ones_is_refused(size):
    with pytest.raises(WireError):
        PcrBank(HashAlg.SHA256, {0: VALUE, 7: bytes(size)})
