# SPDX-License-Identifier: Apache-2.0
"""What is said of a quote before anybody believes it."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core.errors import (
    EvidenceError, MalformedEvidence, UnauthenticEvidence)
from attestation_service.core.tpm.quote import (
    QuoteInfo, load_attestation_key, parse_unsigned, verify_pcr_digest,
    verify_quote, verify_signed_quote)
from attestation_service.core.tpm.structures import tpm2b, untpm2b
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from tests.fakes.tpm import FakeTpm

QUOTES = pathlib.Path(__file__).parents[3] / "vectors" / "quotes"
NONCE = bytes.fromhex("00112233445566778899aabbccddeeff" * 2)
ASKED = PcrSelection(HashAlg.SHA256, frozenset(range(15)))
TPM = FakeTpm()
ATTEST, SIGNATURE = TPM.quote(NONCE, ASKED)


@pytest.mark.parametrize("kind", ["cli-ecc", "cli-rsa"])
def test_real_quotes_are_proven(kind):
    folder = QUOTES / kind
    values = encoding.loads((folder / "pcrs.json").read_bytes(),
                            max_size=10_000)
    pcrs = PcrBank.from_dict({"sha256": values})
    ak = load_attestation_key(untpm2b(
        (folder / "ak.tpm2b_public").read_bytes(), "AK"))
    proven = verify_quote(
        (folder / "quote.attest").read_bytes(),
        (folder / "quote.sig").read_bytes(), pcrs, ak=ak, nonce=NONCE,
        selection=ASKED)
    assert proven.pcrs == pcrs
    assert (proven.reset_count, proven.restart_count, proven.safe) == (
        10, 0, True)
    assert proven.firmware_version == 0x2019102300163636


def test_fields_of_a_quote():
    info = QuoteInfo.parse(ATTEST)
    assert info.nonce == NONCE
    assert info.clock == TPM.clock
    assert info.selections == ((0x000B, ASKED.registers),)


def test_unsafe_clock_is_told():
    tpm = FakeTpm()
    tpm.safe = False
    attest, signature = tpm.quote(NONCE, ASKED)
    assert verify_quote(attest, signature, tpm.bank(range(15)), ak=tpm.ak,
                        nonce=NONCE, selection=ASKED).safe is False


@pytest.mark.parametrize("safe", [2, 0xFF])
def test_safe_is_yes_or_no(safe):
    at = ATTEST.index(TPM.clock.to_bytes(8)) + 16
    assert ATTEST[at] == 1
    with pytest.raises(MalformedEvidence, match="safe"):
        QuoteInfo.parse(ATTEST[:at] + bytes([safe]) + ATTEST[at + 1:])


def test_several_banks_in_their_order():
    one, other = TPM.bank({0, 7}), PcrBank(HashAlg.SHA384, {1: b"\1" * 48})
    body = bytes.fromhex("00000003" "000c03020000" "000403000000"
                         "000b03810000") + tpm2b(HashAlg.SHA256.digest(
                             other.concatenated() + one.concatenated()))
    attest = TPM.attest(0x8018, NONCE, body)
    info = verify_signed_quote(attest, TPM.sign(attest), ak=TPM.ak,
                               nonce=NONCE)
    # A bank without a register says nothing.
    assert info.selections == ((0x000C, {1}), (0x000B, {0, 7}))
    good = other.concatenated() + one.concatenated()
    verify_pcr_digest(info, good, ak=TPM.ak)
    for values in (one.concatenated() + other.concatenated(), b"", good[1:]):
        with pytest.raises(UnauthenticEvidence):
            verify_pcr_digest(info, values, ak=TPM.ak)


def test_bitmap_may_be_longer_than_three_bytes():
    body = bytes.fromhex("00000001" "000b0401000000") + tpm2b(bytes(32))
    info = QuoteInfo.parse(TPM.attest(0x8018, NONCE, body))
    assert info.selections == ((0x000B, {0}),)


@given(st.binary(max_size=300))
def test_parser_is_total(data):
    for head in (b"", ATTEST[:6], ATTEST[:101]):
        try:
            QuoteInfo.parse(head + data)
        except MalformedEvidence:
            continue


@given(st.integers(0, len(ATTEST)), st.binary(max_size=8),
       st.integers(0, 8))
def test_no_signed_change_passes_but_as_what_it_is(at, inserted, cut):
    # Even if the TPM signed it: another nonce, selection or digest is told.
    changed = ATTEST[:at] + inserted + ATTEST[at + cut:]
    try:
        proven = verify_quote(changed, TPM.sign(changed),
                              TPM.bank(range(15)), ak=TPM.ak, nonce=NONCE,
                              selection=ASKED)
    except EvidenceError:
        return
    assert QuoteInfo.parse(changed)[6:] == QuoteInfo.parse(ATTEST)[6:]
    assert proven.pcrs == TPM.bank(range(15))


def test_unsigned_bytes_are_malformed_only_when_cut_or_with_a_tail():
    parse_unsigned(ATTEST)
    parse_unsigned(b"\0\0\0\0\0\0" + ATTEST[6:])
    for wrong in (ATTEST[:-1], ATTEST + b"\0", b""):
        with pytest.raises(MalformedEvidence):
            parse_unsigned(wrong)
