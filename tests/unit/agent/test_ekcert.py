# SPDX-License-Identifier: Apache-2.0
"""EK certificates as they come: padded, concatenated, PEM or DER."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from nova_trusted_launch.agent import ekcert
from tests.fakes.ca import FakeCa
from tests.fakes.tpm import new_key

CA = FakeCa()
KEYS = {kind: new_key(kind) for kind in ("p256", "p384", "rsa2048")}
CERTIFICATE = CA.issue(KEYS["p256"].public_key(), subject="host")


@pytest.mark.parametrize("padding", [b"", b"\0" * 300, b"\xff" * 300])
def test_padding_behind_a_certificate_goes(padding):
    assert ekcert.split_der(CERTIFICATE + padding) == [CERTIFICATE]


def test_concatenated_certificates_are_cut_apart():
    other = CA.intermediate.der
    assert ekcert.split_der(CERTIFICATE + other + b"\0") == [
        CERTIFICATE, other]


@pytest.mark.parametrize("data", [
    pytest.param(b"", id="empty"),
    pytest.param(b"\x30\x82", id="no length"),
    pytest.param(CERTIFICATE[:-1], id="truncated"),
    pytest.param(b"\x30\x80" + CERTIFICATE, id="indefinite length"),
    pytest.param(b"\x30\x85" + bytes(9), id="absurd length"),
])
def test_no_certificate_is_none(data):
    assert ekcert.split_der(data) == []


@given(st.binary(max_size=200))
def test_splitting_is_total(data):
    assert b"".join(ekcert.split_der(data)) == data[
        :sum(map(len, ekcert.split_der(data)))]


def test_files_may_be_der_or_pem(tmp_path):
    der, pem = tmp_path / "a.der", tmp_path / "chain.pem"
    der.write_bytes(CERTIFICATE)
    pem.write_bytes(b"# ours\n" + b"".join(
        x509.load_der_x509_certificate(c).public_bytes(
            serialization.Encoding.PEM)
        for c in (CERTIFICATE, CA.intermediate.der)))
    assert ekcert.read_files([str(der), str(pem)]) == [
        CERTIFICATE, CERTIFICATE, CA.intermediate.der]


def test_file_without_a_certificate_is_an_error(tmp_path):
    empty = tmp_path / "empty"
    empty.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no certificate"):
        ekcert.read_files([str(empty)])


@pytest.mark.parametrize("kind", KEYS)
def test_numbers_are_those_of_the_key(kind):
    key = KEYS[kind].public_key()
    numbers = key.public_numbers()
    expected = ((numbers.n,) if kind.startswith("rsa")
                else (numbers.x, numbers.y))
    assert ekcert.key_numbers(CA.issue(key, subject="x")) == expected


def test_unreadable_certificate_has_no_numbers():
    assert ekcert.key_numbers(b"\x30\x03\x02\x01\x01") is None
