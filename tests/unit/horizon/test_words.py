# SPDX-License-Identifier: Apache-2.0
"""Tiers and histories as people see them."""

from __future__ import annotations

import datetime

import pytest

from nova_trusted_launch.horizon import history
from nova_trusted_launch.horizon import words
from nova_trusted_launch.wire import encoding

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)


def ago(minutes):
    return NOW - datetime.timedelta(minutes=minutes)


def result(tier, since, until, profile="gold"):
    return {"tier": tier, "profile": profile, "version": 2,
            "issued_at": encoding.timestamp(ago(since)),
            "expires_at": encoding.timestamp(ago(until))}


@pytest.mark.parametrize(("tier", "word"), [
    ("affirming", "trusted"), ("warning", "warning"),
    ("contraindicated", "not trusted"), ("none", "unknown"),
    ("something new", "unknown")])
def test_tier_has_a_word_and_a_sign(tier, word):
    badge = words.badge(tier)
    assert word in badge and 'aria-hidden="true"' in badge


def test_expired_result_says_nothing():
    assert words.current(result("affirming", 20, 10), NOW) == "none"
    assert words.current(result("affirming", 20, -1), NOW) == "affirming"


def test_badges_name_profile_and_version():
    assert "gold v2: trusted" in words.badges(
        [result("affirming", 1, -5)], NOW)
    assert words.badges([], NOW) == "no result"


def test_names_are_escaped():
    evil = {**result("affirming", 1, -5), "profile": "<script>"}
    assert "<script>" not in words.badges([evil], NOW)


def test_age_is_in_words():
    assert "2" in words.age(encoding.timestamp(ago(120)), NOW)
    assert words.age(None, NOW) == "never"


def test_history_joins_neighbours_of_one_tier():
    rows = history.rows([
        result("affirming", 10, -5), result("affirming", 20, 5),
        result("contraindicated", 30, 15), result("affirming", 40, 25)], NOW)
    assert [(b.tier, b.x, b.width) for b in rows[0].bars] == [
        ("affirming", 0, 250), ("contraindicated", 250, 250),
        ("affirming", 500, 500)]
    assert rows[0].bars[-1].until == NOW


def test_history_shows_a_gap_when_nobody_attested():
    rows = history.rows([
        result("affirming", 10, -5), result("affirming", 100, 90)], NOW)
    first, second = rows[0].bars
    assert (first.x, first.width, second.x) == (0, 100, 900)


def test_history_has_a_row_for_each_profile():
    rows = history.rows([result("warning", 10, -5, "b"),
                         result("none", 20, -5, "a")], NOW)
    assert [row.profile for row in rows] == ["a", "b"]
    bar = rows[1].bars[0]
    assert (str(bar.word), bar.kind, bar.sign) == ("warning", "warning", "!")


def test_history_of_nothing_is_empty():
    assert history.rows([], NOW) == ()


def test_bar_of_a_moment_can_be_seen():
    rows = history.rows([result("affirming", 0, -5),
                         result("warning", 1000, 999)], NOW)
    assert all(bar.width >= 2 for bar in rows[0].bars)
