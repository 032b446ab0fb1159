# SPDX-License-Identifier: Apache-2.0
"""What strict JSON refuses, and that large messages cost little."""

from __future__ import annotations

import datetime

import pytest

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError


@pytest.mark.parametrize("text", [
    pytest.param(b'{"a":1,"a":2}', id="duplicate-key"),
    pytest.param(b'{"a":NaN}', id="nan"),
    pytest.param(b'{"a":-Infinity}', id="infinity"),
    pytest.param(b'{"a":1e999}', id="overflowing-number"),
    pytest.param(b'{"a":"\\ud800"}', id="half-surrogate"),
    pytest.param(b'{"a\\u0000":1}', id="nul-in-key"),
    pytest.param(b'{"a":["x",{"b":"\\u0000"}]}', id="nul-deep-inside"),
    pytest.param(b"[" * 17 + b"]" * 17, id="too-deep"),
    pytest.param(b'[{"a":' * 9 + b"1" + b"}]" * 9, id="too-deep-in-turn"),
    pytest.param(b"[" * 100_000, id="bomb"),
    pytest.param(b"[" + b"[]," * 10 + b"[" * 16 + b"]" * 17,
                 id="too-deep-behind-others"),
    pytest.param(b'{"a":"\xff"}', id="not-utf8"),
    pytest.param(b'{"a":1} x', id="tail"),
    pytest.param(b"", id="empty"),
    pytest.param(b"9" * 5000, id="endless-number"),
])
def test_what_is_not_strict_is_refused(text):
    with pytest.raises(WireError):
        encoding.loads(text, max_size=1 << 20)


def test_brackets_in_strings_are_not_depth():
    text = b'{"a":"' + b"[{" * 100 + b'\\"[","b":[[1]]}'
    assert encoding.loads(text, max_size=1 << 20)["b"] == [[1]]


def test_as_deep_as_may_be():
    text = b"[" * 16 + b"]" * 15 + b",[]" * 9 + b"]"
    assert len(encoding.loads(text, max_size=999)) == 10


@pytest.mark.parametrize(("text", "value"), [
    ("1.0", 1), ("-2e2", -200), ("1.5", 1.5),
    ("9007199254740991.0", 2 ** 53 - 1), ("9007199254740992.0", 2.0 ** 53)])
def test_a_number_is_whole_when_it_has_no_fraction(text, value):
    found = encoding.loads(text.encode(), max_size=99)
    assert (found, type(found)) == (value, type(value))


def test_what_is_written_has_one_form():
    assert encoding.canonical({"b": [1, None], "a": "\u00e9"}) == (
        '{"a":"\u00e9","b":[1,null]}'.encode())
    with pytest.raises(ValueError, match="JSON compliant"):
        encoding.canonical(float("nan"))


def test_surrogate_pairs_are_text():
    assert encoding.loads(b'"\\ud83d\\ude00"', max_size=99) == "\U0001f600"


def test_escapes_of_what_can_be_stored_are_text_wherever_they_stand():
    text = b'{"\\u00e9":["\\u0001",{"b":"\\u000a"},[],{},7],"c":null}'
    assert encoding.loads(text, max_size=99) == {
        "\u00e9": ["\1", {"b": "\n"}, [], {}, 7], "c": None}


@pytest.mark.parametrize("text", [
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_times_outside_of_the_calendar_are_refused(text):
    with pytest.raises(WireError):
        encoding.untimestamp(text, "when")


@pytest.mark.parametrize("year", [1, 999, 2026, 9999])
def test_times_survive_the_trip(year):
    moment = datetime.datetime(year, 1, 2, 3, 4, 5, 6, datetime.UTC)
    text = encoding.timestamp(moment)
    assert encoding.untimestamp(text, "when") == moment
    assert len(text) == 27
