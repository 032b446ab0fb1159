# SPDX-License-Identifier: Apache-2.0
"""Strict JSON, base64url and time for everything that crosses a process.

In: untrusted text.  Out: plain values, or :class:`WireError`.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import enum
import json
import math
import re
import string
from collections.abc import Mapping
from typing import Any, TypeVar

_E = TypeVar("_E", bound=enum.Enum)

MAX_DEPTH = 16
#: Inside of a regular expression's [...]: controls, what is invisible or
#: changes direction, half surrogates.
INVISIBLE = (r"\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f"
             r"\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
             "\U000e0000-\U000e00ff")
_INVISIBLE = re.compile(rf"[{INVISIBLE}\ud800-\udfff]")
_ALPHABET = f"{string.ascii_letters}{string.digits}-_".encode()
_HEX = re.compile(r"(?:[0-9a-f]{2})*\Z")


class WireError(ValueError):
    """The message is not in the agreed form."""


def b64(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: Any, what: str) -> bytes:
    """Decode base64url; padding, white space and loose bits are refused.

    :raises WireError: it is not the one encoding that :func:`b64` makes.
    """
    # translate() is much faster than a regular expression on a long log.
    if not isinstance(text, str) or not text.isascii() or (
            text.encode("ascii").translate(None, _ALPHABET)):
        raise WireError(f"{what}: not base64url without padding")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as exc:
        raise WireError(f"{what}: not base64url without padding") from exc
    if b64(data) != text:
        raise WireError(f"{what}: not canonical base64url")
    return data


def unhex(text: Any, what: str) -> bytes:
    """Decode lower-case hex.

    :raises WireError: upper case, an odd length or another character.
    """
    if not isinstance(text, str) or not _HEX.match(text):
        raise WireError(f"{what}: not lower-case hex")
    return bytes.fromhex(text)


def timestamp(moment: datetime.datetime) -> str:
    """Write an aware time as RFC 3339 in UTC, to the microsecond."""
    utc = moment.astimezone(datetime.UTC)
    # strftime would write the year 999 with three digits.
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def untimestamp(text: Any, what: str) -> datetime.datetime:
    """Read an RFC 3339 time; one without a zone is refused.

    :raises WireError: it is not such a time.
    """
    if not isinstance(text, str):
        raise WireError(f"{what}: not a time")
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as exc:
        raise WireError(f"{what}: not an RFC 3339 time") from exc
    if moment.tzinfo is None:
        raise WireError(f"{what}: a time needs a zone")
    try:
        return moment.astimezone(datetime.UTC)
    except OverflowError as exc:
        raise WireError(f"{what}: outside of the calendar") from exc


def canonical(value: Any) -> bytes:
    """Write JSON in one form only: sorted keys, no white space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False, allow_nan=False).encode("utf-8")


def loads(data: bytes, *, max_size: int) -> Any:
    """Read JSON: no duplicate keys, no NaN, bounded in size and depth.

    :raises WireError: anything else.
    """
    if len(data) > max_size:
        raise WireError(f"{len(data)} bytes, at most {max_size} are accepted")
    try:
        text = data.decode("utf-8")
        _bound_depth(text)
        value = json.loads(text, object_pairs_hook=_no_duplicates,
                           parse_constant=_no_constant,
                           parse_float=_finite)
    except (UnicodeDecodeError, RecursionError, ValueError) as exc:
        raise WireError(f"not strict JSON: {exc}") from exc
    if "\\u" in text:
        _refuse_unstorable(value)
    return value


def fields(value: Any, what: str, *names: str,
           optional: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Return ``value`` when it is an object with exactly these fields.

    :raises WireError: not an object, a field missing or one too many.
    """
    if not isinstance(value, dict):
        raise WireError(f"{what}: not an object")
    missing = [name for name in names if name not in value]
    if missing:
        raise WireError(f"{what}: {missing[0]} is missing")
    extra = sorted(set(value) - set(names) - set(optional))
    if extra:
        raise WireError(f"{what}: unknown field {extra[0]!r}")
    return value


def text(value: Any, what: str, *, max_length: int = 255) -> str:
    """Return a printable, bounded string.

    :raises WireError: not a string, empty, too long or with controls.
    """
    if not isinstance(value, str) or not value:
        raise WireError(f"{what}: not a string")
    if len(value) > max_length or _INVISIBLE.search(value):
        raise WireError(f"{what}: too long or not printable")
    return value


def number(value: Any, what: str, *, least: int = 0,
           most: int = 2 ** 53 - 1) -> int:
    """Return a bounded whole number; booleans are not numbers.

    :raises WireError: anything else.
    """
    if type(value) is not int or not least <= value <= most:
        raise WireError(f"{what}: not a whole number in {least}..{most}")
    return value


def member(value: Any, kind: type[_E], what: str) -> _E:
    """Return the member of an enumeration of strings with this value.

    :raises WireError: not a string, or none of them.
    """
    for found in kind:
        if found.value == value:
            return found
    raise WireError(f"{what}: {value!r:.40} is unknown")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise WireError("an object has the same key twice")
    return result


def _no_constant(name: str) -> None:
    raise WireError(f"{name} is not JSON")


def _finite(text: str) -> float | int:
    value = float(text)
    if not math.isfinite(value):
        raise WireError(f"{text} is too large")
    # To JSON Schema 1.0 is a whole number, too.
    whole = value.is_integer() and abs(value) < 2 ** 53
    return int(value) if whole else value


def _refuse_unstorable(value: Any) -> None:
    """Refuse NUL and lone surrogates, which only escapes can smuggle in."""
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise WireError("a string holds NUL or half a surrogate pair")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(item)
    if isinstance(value, list):
        for item in value:
            _refuse_unstorable(item)


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def _bound_depth(text: str) -> None:
    """Refuse deep nesting before the parser recurses into it."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return                      # a message of a few large blobs
    depth = 0
    for mark in re.findall(r"[\[\]{}]", _STRINGS.sub("", text)):
        depth += 1 if mark in "[{" else -1
        if depth > MAX_DEPTH:
            raise WireError(f"nested deeper than {MAX_DEPTH}")
