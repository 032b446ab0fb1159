# SPDX-License-Identifier: Apache-2.0
"""Which endorsement key is found, and when none is."""

from __future__ import annotations

import struct

import pytest

from nova_trusted_launch.agent import templates
from nova_trusted_launch.agent.endorsement import Certificates, find_ek
from nova_trusted_launch.agent.tpm import TpmError
from tests.fakes.ca import FakeCa
from tests.fakes.tpm import new_key

CA = FakeCa()
ALL = ("ek-p384", "ek-p256", "ek-rsa2048")
KEYS = {"ek-p384": new_key("p384"), "ek-p256": new_key("p256"),
        "ek-rsa2048": new_key("rsa2048")}
CERTIFICATES = {kind: CA.issue(key.public_key(), subject="host")
                for kind, key in KEYS.items()}
ROWS = {row.kind: row for row in reversed(templates.EK_TEMPLATES)}


def public_of(template: bytes, key) -> bytes:
    """What a TPM answers: the template with the key's numbers in it."""
    numbers = key.public_key().public_numbers()
    _, end = templates._parameters(template)
    parts = ((numbers.n,) if hasattr(numbers, "n")
             else (numbers.x, numbers.y))
    size = key.key_size // 8
    return template[:end] + b"".join(
        struct.pack(">H", size) + n.to_bytes(size, "big") for n in parts)


class Source:
    """A TPM's contents: some NV indexes, persistent keys, made keys."""

    def __init__(self, kinds=(), *, persistent=()) -> None:
        self.indexes = {ROWS[k].certificate_index: CERTIFICATES[k] + b"\xff"
                        for k in kinds}
        self.kept = [(0x81010001 + n, public_of(ROWS[k].default, KEYS[k]))
                     for n, k in enumerate(persistent)]
        self.made: list[bytes] = []
        self.keys = dict(KEYS)

    def nv(self, index):
        return self.indexes.get(index)

    def persistent(self):
        return self.kept

    def made_from(self, template):
        self.made.append(template)
        kind = next(row.kind for row in templates.EK_TEMPLATES
                    if templates.shape(row.default)
                    == templates.shape(template))
        return public_of(template, self.keys[kind])


@pytest.mark.parametrize("kind", ALL)
def test_persistent_key_is_found(kind):
    source = Source(ALL, persistent=ALL)
    found = find_ek(source, [kind], Certificates())
    assert found.kind == kind
    assert found.certificate == CERTIFICATES[kind]
    assert found.handle is not None
    assert source.made == []


@pytest.mark.parametrize("kind", ALL)
def test_key_is_made_when_none_is_persistent(kind):
    found = find_ek(Source(ALL), [kind], Certificates())
    assert (found.handle, found.template) == (None, ROWS[kind].default)


def test_template_in_the_tpm_goes_before_the_profile_s():
    source = Source(["ek-p256"])
    own = ROWS["ek-p256"].default[:-1] + b"\1"
    source.indexes[ROWS["ek-p256"].template_index] = own
    assert find_ek(source, ALL, Certificates()).template == own


def test_order_of_preference_counts():
    source = Source(["ek-p256", "ek-rsa2048"])
    assert find_ek(source, ALL, Certificates()).kind == "ek-p256"
    assert find_ek(source, ALL[::-1], Certificates()).kind == "ek-rsa2048"


def test_certificate_from_a_file_serves_a_tpm_without_one():
    found = find_ek(Source(), ALL, Certificates(
        ek=(CERTIFICATES["ek-rsa2048"],)))
    assert found.kind == "ek-rsa2048"


def test_certificate_of_another_curve_does_not_match():
    """A P-256 certificate under the P-384 row would be a wrong kind."""
    found = find_ek(Source(persistent=["ek-p256"]), ALL, Certificates(
        ek=(CERTIFICATES["ek-p256"],)))
    assert found.kind == "ek-p256"


def test_certificate_of_another_tpm_is_no_match():
    source = Source(["ek-p256"])
    source.keys["ek-p256"] = new_key("p256")
    with pytest.raises(TpmError, match="tried ek-p256"):
        find_ek(source, ALL, Certificates())


def test_signing_key_with_the_same_numbers_is_no_match():
    source = Source(["ek-p256"], persistent=["ek-p256"])
    handle, public = source.kept[0]
    source.kept = [(handle, public[:4] + struct.pack(">I", 0x00050072)
                    + public[8:])]
    assert find_ek(source, ALL, Certificates()).handle is None


def test_unreadable_certificate_is_no_match():
    source = Source()
    source.indexes[ROWS["ek-p256"].certificate_index] = (
        b"\x30\x03\x02\x01\x01")
    with pytest.raises(TpmError):
        find_ek(source, ALL, Certificates())


def test_nothing_at_all_says_so():
    with pytest.raises(TpmError, match="holds none"):
        find_ek(Source(), ALL, Certificates())


def test_intermediates_come_from_tpm_and_files_once():
    source = Source(["ek-p256"])
    chain = CA.intermediate.der
    source.indexes[0x01C00100] = chain[:100]
    source.indexes[0x01C00101] = chain[100:] + b"\0"
    found = find_ek(source, ALL, Certificates(intermediates=(chain,)))
    assert found.intermediates == (chain,)
