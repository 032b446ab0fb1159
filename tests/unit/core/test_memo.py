# SPDX-License-Identifier: Apache-2.0
"""A memo never forgets what is asked for, and never grows."""

from __future__ import annotations

import pytest

from attestation_service.core.memo import Memo


def filled(limit, count):
    memo = Memo(limit)
    for i in range(count):
        memo.keep(bytes([i]), i)
    return memo


def known(memo, count):
    """Which keys are answered, without asking for them."""
    return [i for i in range(count)
            if bytes([i]) in memo.recent or bytes([i]) in memo._older]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_memo_that_could_remember_nothing_is_a_mistake(limit):
    with pytest.raises(ValueError, match="at least one"):
        Memo(limit)


def test_what_was_never_told_is_not_known():
    memo = filled(1, 1)
    assert memo.recall(b"other") is None
    assert memo.recall(b"\0") == 0


def test_it_holds_the_last_limit_answers_and_at_most_twice_as_many():
    for count in range(1, 12):
        found = known(filled(3, count), count)
        assert len(found) <= 6
        assert found[-3:] == list(range(count))[-3:]
    assert known(filled(3, 6), 6) == [0, 1, 2, 3, 4, 5]
    assert known(filled(3, 7), 7) == [3, 4, 5, 6]


def test_what_is_asked_for_again_and_again_survives():
    memo = Memo(2)
    memo.keep(b"common", 1)
    for i in range(20):
        assert memo.recall(b"common") == 1
        memo.keep(bytes([i]), i)


def test_an_answer_that_counts_as_false_is_one():
    memo = filled(1, 2)
    assert memo.recall(b"\0") == 0
    assert b"\0" in memo.recent


def test_many_at_once_count_like_each():
    memo = filled(4, 1)
    memo.keep_all({b"a": 1, b"b": 2, b"c": 3})
    assert len(memo.recent) == 4
    memo.keep_all({b"d": 4})
    assert memo.recent == {b"d": 4}
    assert memo.recall(b"a") == 1
    memo.keep_all({bytes([i]): i for i in range(4)})
    assert len(memo.recent) == 4


def test_more_at_once_than_the_limit_are_not_kept():
    memo = filled(2, 1)
    memo.keep_all({b"a": 1, b"b": 2, b"c": 3})
    assert memo.recent == {}
    assert memo.recall(b"a") is None
    assert memo.recall(b"\0") == 0
