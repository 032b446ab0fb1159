# SPDX-License-Identifier: Apache-2.0
"""An IMA list is walked for people: what it comes to, in any bank."""

from __future__ import annotations

import hashlib

import pytest

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import walk as walking
from attestation_service.core.ima.walk import walk
from tests.fakes import logs

FILES = logs.ImaList([logs.ima_file("boot_aggregate"),
                      logs.ima_file("/bin/a", b"a"),
                      logs.ima_file("/bin/b", violation=True),
                      logs.ima_file("/bin/c", b"c")])


@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("form", ["dump", "ascii"])
def test_the_size_of_the_value_says_the_bank(bank, form):
    found = walk(getattr(FILES, form)(), FILES.value(bank))
    assert found == walking.Walk(bank, 4, 1, FILES.value(bank), 4)


@pytest.mark.parametrize("size", [0, 1, 16, 31, 33, 65])
def test_a_value_of_no_bank(size):
    with pytest.raises(MalformedEvidence):
        walk(FILES.dump(), bytes(size))


def test_a_value_is_found_where_the_register_had_it():
    for count in range(5):
        value = logs.ImaList(FILES.entries[:count]).value()
        found = walk(FILES.dump(), value)
        assert (found.reached, found.quirk) == (count, "")
    never = walk(FILES.dump(), b"\1" * 32)
    assert (never.reached, never.entries, never.quirk) == (None, 4, "")
    assert never.value == FILES.value()


def test_without_a_value_the_list_is_only_counted():
    assert walk(FILES.dump()) == walking.Walk(
        "sha256", 4, 1, FILES.value(), None)


def test_entries_of_another_register_extend_nothing():
    more = FILES.copy()
    more.entries.insert(1, logs.ima_file("/x", register=11))
    for data in (more.dump(), more.ascii()):
        assert walk(data, FILES.value()) == walking.Walk(
            "sha256", 5, 1, FILES.value(), 5)


def padded(count, bank="sha256"):
    """Register 10 as kernels before 5.8 fill it: SHA-1 and zeros."""
    size = hashlib.new(bank).digest_size
    value = bytes(size)
    for entry in FILES.entries[:count]:
        digest = b"\xff" * 20 if entry.violation else entry.hash
        value = hashlib.new(bank, value + digest.ljust(size, b"\0")).digest()
    return value


@pytest.mark.parametrize("bank", ["sha256", "sha384"])
def test_an_old_kernel_is_told(bank):
    for form in (FILES.dump(), FILES.ascii()):
        assert walk(form, padded(4, bank)) == walking.Walk(
            bank, 4, 1, padded(4, bank), 4, walking.SHA1_PADDED)
    assert walk(FILES.dump(), padded(2)).reached == 2


def test_an_old_kernel_and_another_register():
    more = FILES.copy()
    more.entries.insert(1, logs.ima_file("/x", register=11))
    assert walk(more.dump(), padded(4)).quirk == walking.SHA1_PADDED


def test_in_the_bank_of_sha1_every_kernel_is_alike():
    assert walk(FILES.dump(), b"\1" * 20).quirk == ""
