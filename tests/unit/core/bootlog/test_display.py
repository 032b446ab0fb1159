# SPDX-License-Identifier: Apache-2.0
"""What stands in a boot log is shown, and what of it anybody could change."""

from __future__ import annotations

import hashlib

import pytest

from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.display import describe
from tests.fakes import logs

SHA1, SHA256, SM3 = 4, 11, 0x12
UNKNOWN = 0x7777


def shown(log):
    return list(describe(tcg.parse(log.dump())))


def one_event(algs, sizes, digests, data=b"text", kind=logs.IPL):
    log = logs.BootLog(algs, sizes)
    log.events.append(logs.Event(8, kind, digests, data))
    event, = shown(log)
    return event


def test_an_event_says_where_what_and_in_which_banks():
    log = logs.BootLog((SHA1, SHA256)).add(4, logs.EFI_ACTION, b"Calling")
    log.add(8, logs.IPL, b"/vmlinuz\0")
    first, second = shown(log)
    assert first == {
        "number": 0, "register": 4, "type": "EV_EFI_ACTION",
        "digests": {"sha1": hashlib.sha1(b"Calling").hexdigest(),
                    "sha256": hashlib.sha256(b"Calling").hexdigest()},
        "measured": "event", "tampered": False, "data": b"Calling".hex(),
        "text": "Calling"}
    assert (second["number"], second["register"]) == (1, 8)


def test_data_that_does_not_hash_is_tampered_only_where_it_must():
    for kind, tampered in ((logs.EFI_ACTION, True), (logs.IPL, False)):
        log = logs.BootLog().add(4, kind, b"shown", measured=b"measured")
        event, = shown(log)
        assert (event["measured"], event["tampered"]) == (None, tampered)


def test_what_was_never_measured_is_no_lie():
    # Not even if its digest happens to be right.
    event = one_event((SHA256,), None, {
        SHA256: hashlib.sha256(b"text").digest()}, kind=logs.NO_ACTION)
    assert (event["measured"], event["tampered"]) == (None, False)


@pytest.mark.parametrize("true", [SHA1, SHA256])
def test_the_last_bank_that_can_be_computed_tells(true):
    """A digest of a bank that nobody can compute says nothing."""
    digests = {SHA1: bytes(20), SHA256: bytes(32), UNKNOWN: b"\1" * 8}
    digests[true] = hashlib.new(logs.HASHES[true], b"text").digest()
    event = one_event(tuple(digests), {SHA1: 20, SHA256: 32, UNKNOWN: 8},
                      digests)
    assert event["measured"] == ("event" if true == SHA256 else None)
    assert event["digests"]["0x7777"] == "01" * 8


def test_an_event_without_a_digest_for_a_bank_is_judged_by_another():
    event = one_event((SHA1, SHA256), {SHA1: 20, SHA256: 32}, {
        SHA1: hashlib.sha1(b"text").digest()})
    assert event["measured"] == "event"
    assert list(event["digests"]) == ["sha1"]


def test_only_banks_that_nobody_can_compute():
    event = one_event((), {UNKNOWN: 8}, {UNKNOWN: b"\1" * 8})
    assert event["measured"] is None
