# SPDX-License-Identifier: Apache-2.0
"""ATTACKS B, in the core: an old answer is no answer."""

from __future__ import annotations

import datetime

import pytest

from attestation_service.core.errors import StaleEvidence, UnauthenticEvidence
from attestation_service.core.tpm.quote import VerifiedQuote, verify_quote
from attestation_service.core.verify import verify_continuity
from attestation_service.records import BootCounters
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from tests.fakes.tpm import FakeTpm

NONCE = bytes(range(32))
ASKED = PcrSelection(HashAlg.SHA256, frozenset(range(8)))
SLACK = datetime.timedelta(seconds=60)
BEFORE = BootCounters(reset_count=7, restart_count=3, clock=100_000,
                      firmware_version=5)


@pytest.fixture
def tpm():
    return FakeTpm()


def verify(tpm, answer, nonce=NONCE):
    return verify_quote(*answer, tpm.bank(ASKED.registers), ak=tpm.ak,
                        nonce=nonce, selection=ASKED)


def test_b1_old_quote_replayed_refused(tpm):
    old = tpm.quote(NONCE, ASKED)
    verify(tpm, old)
    with pytest.raises(StaleEvidence):
        verify(tpm, old, nonce=bytes(32))


@pytest.mark.parametrize("answered", [
    pytest.param(b"", id="empty"), pytest.param(NONCE[:16], id="prefix"),
    pytest.param(NONCE[:31], id="short"), pytest.param(NONCE[1:], id="suffix"),
    pytest.param(NONCE + b"\0", id="padded behind"),
    pytest.param(b"\0" + NONCE, id="padded before"),
    pytest.param(NONCE[:31] + b"\x00", id="last byte"),
    pytest.param(NONCE.hex().encode(), id="hex"),
    pytest.param(NONCE[::-1], id="reversed")])
def test_b2_nonce_in_any_other_form_refused(tpm, answered):
    with pytest.raises(StaleEvidence):
        verify(tpm, tpm.quote(answered, ASKED))


@pytest.mark.parametrize("size", [0, 1, 15])
def test_b2_nobody_can_expect_a_short_nonce(tpm, size):
    with pytest.raises(ValueError, match="nonce"):
        verify(tpm, tpm.quote(bytes(size), ASKED), nonce=bytes(size))


def test_b2_the_shortest_nonce_that_may_be_expected(tpm):
    verify(tpm, tpm.quote(bytes(16), ASKED), nonce=bytes(16))


def quote(reset=7, restart=3, clock=100_000, *, safe=True, firmware=5):
    return VerifiedQuote(FakeTpm().bank(), reset, restart, clock, safe,
                         firmware)


@pytest.mark.parametrize("back", [
    pytest.param({"reset": 6}, id="resets"),
    pytest.param({"reset": 6, "restart": 9, "clock": 200_000},
                 id="resets, all else ahead"),
    pytest.param({"restart": 2}, id="restarts"),
    pytest.param({"restart": 2, "clock": 200_000}, id="restarts, not clock"),
    pytest.param({"clock": 39_999}, id="clock"),
    pytest.param({"clock": 0}, id="clock to zero"),
    pytest.param({"clock": 39_999, "safe": False}, id="clock, unsafe")])
def test_b7_counters_or_clock_going_back_refused(back):
    with pytest.raises(UnauthenticEvidence):
        verify_continuity(BEFORE, quote(**back), slack=SLACK)


def test_b7_answers_may_overtake_each_other_within_a_nonces_life():
    assert verify_continuity(BEFORE, quote(clock=40_000),
                             slack=SLACK).same_boot


def test_b7_no_clock_of_64_bits_is_too_large():
    farthest = 2 ** 64 - 1
    verify_continuity(BEFORE, quote(clock=farthest), slack=SLACK)
    ahead = BootCounters(7, 3, farthest, 5)
    with pytest.raises(UnauthenticEvidence):
        verify_continuity(ahead, quote(), slack=SLACK)


@pytest.mark.parametrize(("after", "same"), [
    ({}, True), ({"clock": 100_001}, True),
    ({"restart": 4, "clock": 0}, False), ({"reset": 8, "restart": 0}, False)])
def test_b7_another_boot_is_told(after, same):
    assert verify_continuity(BEFORE, quote(**after),
                             slack=SLACK).same_boot is same


def test_b7_loss_of_power_is_told_and_may_set_the_clock_back():
    told = verify_continuity(
        BEFORE, quote(reset=8, restart=0, clock=5, safe=False), slack=SLACK)
    assert not told.orderly
    assert not told.same_boot
    assert verify_continuity(BEFORE, quote(), slack=SLACK).orderly


def test_b7_first_quote_continues_nothing():
    told = verify_continuity(None, quote(safe=False), slack=SLACK)
    assert (told.same_boot, told.orderly, told.firmware_changed) == (
        False, False, False)
    assert verify_continuity(None, quote(), slack=SLACK).orderly


@pytest.mark.parametrize("firmware", [4, 6])
def test_b8_other_firmware_is_told(firmware):
    assert verify_continuity(BEFORE, quote(firmware=firmware),
                             slack=SLACK).firmware_changed
    assert not verify_continuity(BEFORE, quote(),
                                 slack=SLACK).firmware_changed
