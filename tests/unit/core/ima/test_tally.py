# SPDX-License-Identifier: Apache-2.0
"""What is counted over a whole list, and what is no part of a question."""

from __future__ import annotations

import pytest

from attestation_service.core.ima import log
from attestation_service.core.ima.appraise import (
    Appraiser,
    FileReferences,
    Verdict,
)
from nova_trusted_launch.wire.digests import HashAlg
from tests.fakes import logs
from tests.unit.core.ima.judged import aggregate, sha256, tally

FILES = [("sha256", sha256(b"a"), b"/bin/a")]


def asked():
    return Appraiser("key", FileReferences(FILES))


@pytest.mark.parametrize("form", ["dump", "ascii"])
def test_entries_are_numbered_over_all_pieces(monkeypatch, form):
    monkeypatch.setattr(log, "_CHUNK", 100)
    files = logs.ImaList([aggregate(), *[
        logs.ima_file(f"/{i}") for i in range(9)]])
    found = tally(files, form, asked())
    assert [(b.number, b.path) for b in found.bad] == [
        (i + 1, f"/{i}".encode()) for i in range(9)]


@pytest.mark.parametrize("count", [64, 65])
def test_so_many_bad_entries_are_described(count):
    found = tally(logs.ImaList([aggregate(), *[
        logs.ima_file(f"/{i}") for i in range(count)]]), judge=asked())
    assert (found.bad_count, len(found.bad)) == (count, 64)
    assert {b.verdict for b in found.bad} == {Verdict.UNKNOWN}


def test_what_is_remembered_is_no_part_of_the_question():
    one, other = asked(), asked()
    one.references.extended(HashAlg.SHA384)
    one.memo.keep(b"digest", True)
    assert one.references == other.references and one == other
    assert repr(one) == repr(other)
