# SPDX-License-Identifier: Apache-2.0
"""What replay remembers changes nothing, and is bounded."""

from __future__ import annotations

import pytest

from attestation_service.core.memo import Memo
from nova_trusted_launch.wire.digests import HashAlg
from tests.fakes import logs
from tests.unit.core.ima.replayed import FORMS, mixed_list, proven


@pytest.fixture
def files():
    return mixed_list()


@FORMS
def test_a_memo_changes_nothing(files, form):
    memo = Memo(100)
    for _ in range(2):
        assert proven(files, form, memo=memo).end == proven(files, form).end
    files.entries.insert(4, logs.ima_file("/new"))
    found = proven(files, form, memo=memo)
    assert found.end == proven(files, form).end
    assert len(memo.recent) == 10


@FORMS
def test_a_memo_forgets_and_nothing_changes(files, form):
    memo = Memo(5)
    for entries in (files.entries[:4], files.entries, files.entries[2:6]):
        part = logs.ImaList(entries)
        assert proven(part, form, memo=memo).end == proven(part, form).end
        assert len(memo.recent) <= 5


@FORMS
def test_entries_of_other_registers_are_remembered_as_such(files, form):
    pcrs = files.pcrs()
    files.entries.insert(3, logs.ima_file("/other", register=11))
    memo = Memo(100)
    for _ in range(2):
        assert proven(files, form, pcrs, memo=memo).end.entries == 10


@FORMS
def test_huge_entries_are_not_remembered(files, form):
    files.entries.append(logs.ima_file(
        "keys", template="ima-buf", signature=bytes(2000)))
    memo = Memo(100)
    for _ in range(2):
        assert proven(files, form, memo=memo).end.entries == 10
        assert len(memo.recent) == 9


def test_an_old_answer_becomes_recent():
    memo = Memo(2)
    for key in (b"a", b"b", b"c"):
        memo.keep(key, key)
    assert b"a" not in memo.recent
    assert memo.recall(b"a") == b"a"
    assert b"a" in memo.recent
    assert memo.recall(b"a") == b"a"
    assert memo.recall(b"x") is None


def test_a_memo_is_bounded():
    memo = Memo(5)
    for i in range(100):
        memo.keep(b"%d" % i, True)
        assert len(memo.recent) <= 5
    memo.keep_all({b"k%d" % i: True for i in range(6)})
    assert len(memo.recent) == 0
    memo.keep_all({b"k%d" % i: True for i in range(5)})
    assert len(memo.recent) == 5
    memo.keep_all({b"new": True})
    assert set(memo.recent) == {b"new"}
    assert memo.recall(b"k4") is True
    with pytest.raises(ValueError):
        Memo(0)


def test_lists_with_other_template_hashes_are_not_remembered():
    entry = logs.ima_file("/a")
    entry.claimed = HashAlg.SHA256.digest(entry.data)
    found, memo = logs.ImaList([entry]), Memo(9)
    for form in ("dump", "ascii"):
        assert proven(found, form, memo=memo).end.entries == 1
    assert not memo.recent
