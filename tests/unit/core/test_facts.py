# SPDX-License-Identifier: Apache-2.0
"""From verified evidence to facts: logs are replayed against the quote."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service.core import errors
from attestation_service.core.facts import (
    LogSettings,
    extract,
    registers_only,
)
from attestation_service.core.memo import Memo
from attestation_service.core.tpm.quote import VerifiedQuote
from attestation_service.core.verify import VerifiedEvidence
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs

BOOT = logs.secure_log()
FILES = logs.ImaList([logs.ima_file("boot_aggregate"),
                      logs.ima_file("/bin/a"), logs.ima_file("/bin/b")])
PCRS = FILES.pcrs(BOOT.pcrs().values)


def verified(boot=None, files=None, *, offset=0, pcrs=PCRS, restarts=1):
    quote = VerifiedQuote(
        pcrs=pcrs, reset_count=3, restart_count=restarts, clock=1, safe=True,
        firmware_version=7)
    return VerifiedEvidence(quote, boot, files, offset)


def facts(evidence, **more):
    return extract(evidence, manufacturer="IFX", hardware=True,
                   labels={"region": "eu"}, **more)


def test_everything_is_taken_over():
    found = facts(verified(BOOT.dump(), FILES.dump()))
    assert (found.pcrs, found.reset_count, found.restart_count) == (
        PCRS, 3, 1)
    assert (found.manufacturer, found.firmware_version, found.hardware,
            found.labels) == ("IFX", 7, True, {"region": "eu"})
    assert found.boot.secure_boot.enabled
    assert found.ima.list.end.entries == 3


def test_logs_that_were_not_sent():
    found = facts(verified())
    assert (found.boot, found.ima) == (None, None)


def test_a_quote_alone_says_registers_and_firmware():
    quote = verified(BOOT.dump(), FILES.dump()).quote
    known = {"manufacturer": "IFX", "hardware": True,
             "labels": {"region": "eu"}}
    found = registers_only(quote, **known)
    assert (found.boot, found.ima) == (None, None)
    # Whether the clock is safe is asked of a fresh quote only.
    assert not found.clock_safe
    whole = facts(verified(BOOT.dump(), FILES.dump()))
    assert whole.clock_safe
    assert dataclasses.replace(
        whole, boot=None, ima=None, clock_safe=False) == found


def test_logs_are_replayed_against_the_quote():
    for lie in (verified(logs.secure_log(b"\0").dump()),
                verified(None, FILES.dump()[:len(FILES.dump()) // 3])):
        with pytest.raises(errors.EvidenceError):
            facts(lie)


def test_a_list_that_is_continued():
    first = logs.ImaList(FILES.entries[:1])
    progress = facts(verified(
        None, first.dump(), pcrs=first.pcrs(PCRS.values))).ima.progress
    offset = progress.position.offset
    rest = FILES.dump()[offset:]
    found = facts(verified(None, rest, offset=offset), earlier=progress)
    assert (found.ima.list.start, found.ima.list.end.entries) == (
        progress.position, 3)
    # From the beginning, what was known is not needed.
    whole = facts(verified(None, FILES.dump()), earlier=progress)
    assert whole.ima.list.start.entries == 0
    for bad in ({}, {"earlier": whole.ima.progress}):
        with pytest.raises(errors.StaleEvidence):
            facts(verified(None, rest, offset=offset), **bad)
    with pytest.raises(errors.StaleEvidence):
        facts(verified(None, rest, offset=offset, restarts=2),
              earlier=progress)


@pytest.mark.parametrize("limit", [
    "max_boot_log", "max_boot_events", "max_ima_log", "max_ima_entries"])
def test_limits(limit):
    with pytest.raises(errors.OversizedEvidence):
        facts(verified(BOOT.dump(), FILES.dump()),
              logs=LogSettings(**{limit: 2}))


def test_registers_extended_later():
    pcrs = PcrBank(HashAlg.SHA256, {**PCRS.values, 9: b"\1" * 32})
    with pytest.raises(errors.UnauthenticEvidence):
        facts(verified(BOOT.dump(), pcrs=pcrs))
    found = facts(verified(BOOT.dump(), pcrs=pcrs), logs=LogSettings(
        extended_later=frozenset({9, 10})))
    assert found.boot.events.unexplained == {9, 10}


def test_memos_are_shared_by_bank():
    logs_ = LogSettings(memos={HashAlg.SHA256: Memo(10)})
    assert facts(verified(BOOT.dump(), FILES.dump()), logs=logs_) == facts(
        verified(BOOT.dump(), FILES.dump()))
    assert len(logs_.memos[HashAlg.SHA256].recent) == 3
    assert logs_.boot_memos[HashAlg.SHA256].recent
    assert not logs_.boot_memos[HashAlg.SHA384].recent
