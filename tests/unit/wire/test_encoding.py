# SPDX-License-Identifier: Apache-2.0
"""base64url, hex, numbers, texts, banks: one form, and no other."""

from __future__ import annotations

import contextlib
import datetime
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.enrolment import activation_proof
from nova_trusted_launch.wire.release import Action, ReleaseRequest
from nova_trusted_launch.wire.results import TrustTier, worst

ONE = PcrSelection(HashAlg.SHA256, frozenset({1}))
NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)


@given(st.binary(max_size=80))
def test_base64url_has_one_form(data):
    text = encoding.b64(data)
    assert encoding.unb64(text, "x") == data
    for other in (text + "=", text + "\n", " " + text, text + "A"):
        with contextlib.suppress(WireError):
            assert encoding.unb64(other, "x") != data


@pytest.mark.parametrize("text", [
    "=", "A", "AAA=", "AB", "AAB", "A+AA", "A/AA", "AA\n", "\u0660AAA", None,
    b"AAAA", 1])
def test_b2_other_encodings_are_refused(text):
    with pytest.raises(WireError):
        encoding.unb64(text, "nonce")


@pytest.mark.parametrize("text", ["A0", "0", "0x00", "0g", " 00", "00\n", 0,
                                  None, b"00", "\u0660\u0660"])
def test_hex_is_lower_case_and_even(text):
    with pytest.raises(WireError):
        encoding.unhex(text, "digest")
    assert encoding.unhex("00ff", "digest") == b"\0\xff"


@pytest.mark.parametrize("nonce", [b"", b"n" * 31, b"n" * 33, b"n" * 64])
def test_b2_a_nonce_has_32_bytes(nonce):
    with pytest.raises(WireError):
        Challenge(nonce, "a1", Purpose.ATTEST, ONE, 0, NOW)


@pytest.mark.parametrize("value", [True, "1", 1.0, None, -1, 2 ** 53])
def test_numbers_are_whole_and_bounded(value):
    with pytest.raises(WireError):
        encoding.number(value, "n")


@pytest.mark.parametrize("value", ["", "a\nb", "\x7f", "x" * 256, None, 1,
                                   b"x", "\u202e"])
def test_i5_texts_are_printable_and_bounded(value):
    with pytest.raises(WireError):
        encoding.text(value, "t")


def test_the_longest_text_and_the_largest_number():
    assert encoding.text("x" * 255, "t") == "x" * 255
    assert encoding.number(2 ** 53 - 1, "n") == 2 ** 53 - 1
    assert encoding.number(0, "n") == 0


def test_i5_size_and_depth_are_bounded():
    assert encoding.loads(b"[" * 16 + b"]" * 16, max_size=32) is not None
    with pytest.raises(WireError, match="deeper"):
        encoding.loads(b"[" * 17 + b"]" * 17, max_size=99)
    with pytest.raises(WireError, match="at most 3"):
        encoding.loads(b"[11]", max_size=3)
    assert encoding.loads(b"[1]", max_size=3) == [1]


@pytest.mark.parametrize("value", [
    "2026-11-25T12:00:00", "2026-11-25", "noon", "", None, 1700000000,
    "2026-13-01T00:00:00Z", "2026-11-25T25:00:00Z"])
def test_times_need_a_zone_and_a_calendar(value):
    with pytest.raises(WireError):
        encoding.untimestamp(value, "t")


def test_times_are_read_in_any_zone_and_written_in_utc():
    moment = encoding.untimestamp("2026-11-25T13:00:00+01:00", "t")
    assert moment.tzinfo is datetime.UTC
    assert encoding.timestamp(moment) == "2026-11-25T12:00:00.000000Z"


@pytest.mark.parametrize("value", [
    {}, {"sha256": []}, {"sha1": [1]}, {"SHA256": [1]}, {"sha256": [24]},
    {"sha256": [-1]}, {"sha256": [1, 1]}, {"sha256": ["1"]},
    {"sha256": [True]}, {"sha256": [1.0]}, {"sha256": {"1": 1}},
    {"sha256": [1], "sha384": [1]}, [], None])
def test_c3_selections_of_one_known_bank_only(value):
    with pytest.raises(WireError):
        PcrSelection.from_dict(value)


@pytest.mark.parametrize("value", [
    {}, {"sha256": {}}, {"sha1": {"1": "00" * 20}}, {"sha256": {"1": ""}},
    {"sha256": {"1": "00" * 31}}, {"sha256": {"1": "00" * 48}},
    {"sha256": {"01": "00" * 32}}, {"sha256": {"+1": "00" * 32}},
    {"sha256": {"24": "00" * 32}}, {"sha256": {"\u0661": "00" * 32}},
    {"sha256": {"x": "00" * 32}}, {"sha256": {"1": "AA" * 32}},
    {"sha256": {"1": None}}, {"sha256": [1]},
    {"sha256": {"1": "00" * 32}, "sha384": {"1": "00" * 48}}])
def test_c1_banks_are_never_empty_nor_of_another_size(value):
    with pytest.raises(WireError):
        PcrBank.from_dict(value)


def test_registers_stand_in_their_order():
    bank = PcrBank(HashAlg.SHA256, {10: b"\2" * 32, 9: b"\1" * 32})
    assert bank.concatenated() == b"\1" * 32 + b"\2" * 32
    assert bank.only({10}).values == {10: b"\2" * 32}
    assert bank.selection == PcrSelection(HashAlg.SHA256, frozenset({9, 10}))
    with pytest.raises(KeyError):
        bank.only({9, 11})


def request(**changes):
    values = {"attester_id": "a1", "instance_id": "vm", "nonce_tpm":
              b"t" * 16, "action": Action.SPAWN} | changes
    return ReleaseRequest(**values)


@pytest.mark.parametrize("changes", [
    {"attester_id": "a2"}, {"instance_id": "vm2"}, {"nonce_tpm": b"u" * 16},
    {"action": Action.REBUILD}, {"profile": "gold"}, {"image_id": "x"},
    {"key_id": "x"}, {"launch_id": "x"}])
def test_b5_a_binding_covers_all_of_the_request(changes):
    nonce = b"n" * 32
    assert request(**changes).binding(nonce) != request().binding(nonce)
    assert request().binding(b"m" * 32) != request().binding(nonce)
    assert request().binding(nonce) == request().binding(nonce)


def test_b5_a_field_cannot_stand_in_for_another():
    bindings = {request(**{name: "x"}).binding(b"n" * 32) for name in (
        "profile", "image_id", "key_id", "launch_id")}
    assert len(bindings) == 4


@pytest.mark.parametrize("nonce", [b"", b"n" * 31, b"n" * 33])
def test_b2_a_binding_needs_a_whole_nonce(nonce):
    with pytest.raises(WireError):
        request().binding(nonce)


@pytest.mark.parametrize("size", [0, 15, 65])
def test_e6_a_session_nonce_of_another_length_is_refused(size):
    with pytest.raises(WireError):
        request(nonce_tpm=b"t" * size)


def test_d5_a_proof_is_of_one_credential_and_one_enrolment():
    proofs = {activation_proof(credential, enrolment)
              for credential in (b"a" * 32, b"b" * 32)
              for enrolment in ("e1", "e2")}
    assert len(proofs) == 4
    assert activation_proof(b"a" * 32, "e1") == hmac.digest(
        b"a" * 32, b"trusted-launch-activation-1\0e1", "sha256")


@given(st.lists(st.sampled_from(TrustTier)))
def test_worst_is_affirming_only_when_all_are(tiers):
    found = worst(tiers)
    assert (found is TrustTier.AFFIRMING) == (
        set(tiers) == {TrustTier.AFFIRMING})
    if TrustTier.CONTRAINDICATED in tiers:
        assert found is TrustTier.CONTRAINDICATED
    elif TrustTier.WARNING in tiers:
        assert found is TrustTier.WARNING
