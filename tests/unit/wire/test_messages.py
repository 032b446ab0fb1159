# SPDX-License-Identifier: Apache-2.0
"""Every message: what is written is read again, and nothing else is."""

from __future__ import annotations

import copy
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.enrolment import EnrolmentRequest
from nova_trusted_launch.wire.evidence import Evidence
from tests.unit.wire.specimens import KINDS, SPECIMENS, read, write

NAMES = [type(value).__name__ for value in SPECIMENS]
# Fields that may be null.
OPTIONAL = {
    ("Evidence", "boot_log"), ("Evidence", "ima_log"),
    *(("ReleaseRequest", name) for name in (
        "profile", "image_id", "key_id", "launch_id")),
    ("Released", "image_digest"),
    *(("Receipt", name) for name in (
        "image_id", "image_digest", "key_id", "launch_id"))}
# Fields in which an empty string or list is a value.
MAY_BE_EMPTY = {
    "subject", "nonce", "quote", "signature", "boot_log", "ima_log",
    "ek_certificate", "intermediates", "ek_public", "ak_public", "id_object",
    "secret", "public", "duplicate", "seed", "policy_signature",
    "policy_key", "bundle", "image_digest", "detail", "rule", "expected",
    "actual", "action", "findings", "entries", "ak_name", "nonce_digest",
    "root"}


@pytest.mark.parametrize("message", SPECIMENS, ids=NAMES)
def test_one_of_each_is_read_again(message):
    text = encoding.canonical(write(message))
    assert read(type(message),
                encoding.loads(text, max_size=len(text))) == message


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
@given(data=st.data())
def test_what_is_written_is_read_again(kind, data):
    value = data.draw(KINDS[kind][2])
    text = encoding.canonical(write(value))
    assert read(kind, encoding.loads(text, max_size=1 << 20)) == value


def test_evidence_is_read_from_bytes_of_a_bounded_size():
    (evidence,) = (s for s in SPECIMENS if isinstance(s, Evidence))
    data = encoding.canonical(evidence.to_dict())
    assert Evidence.from_bytes(data, max_size=len(data)) == evidence
    for bad, size in ((data, len(data) - 1), (data[:-1], len(data)),
                      (data + b"]", len(data) + 1), (b"[]", 2)):
        with pytest.raises(WireError):
            Evidence.from_bytes(bad, max_size=size)


class Long(bytes):
    """Bytes that say they are more."""

    size = 128 * 1024 * 1024

    def __len__(self):
        return self.size


def test_an_envelope_is_no_larger_than_this():
    evidence = Evidence("a1", b"n", b"q", b"s", SPECIMENS[1])
    assert evidence.ima_offset == 0
    data = Long(encoding.canonical(evidence.to_dict()))
    assert Evidence.from_bytes(data) == evidence
    data.size += 1
    with pytest.raises(WireError):
        Evidence.from_bytes(data)


def test_d1_a_chain_is_no_longer_than_this():
    fits = EnrolmentRequest("host", b"", (b"ca",) * 8, b"", b"")
    assert EnrolmentRequest.from_dict(fits.to_dict()) == fits
    with pytest.raises(WireError):
        EnrolmentRequest.from_dict(dataclasses.replace(
            fits, intermediates=(b"ca",) * 9).to_dict())


def places(value, path=()):
    """Every object inside, with the path to it."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    if isinstance(value, list):
        for i, inner in enumerate(value):
            yield from places(inner, (*path, i))


def at(value, path):
    for step in path:
        value = value[step]
    return value


def is_map(path, value):
    """Whether an object's keys are data and not fields."""
    return path[-1:] in {("pcrs",), ("selection",), ("sha384",),
                         ("profiles",)} or set(value) <= {"sha256", "sha384"}


@pytest.mark.parametrize("message", SPECIMENS, ids=NAMES)
def test_no_field_may_be_missing_or_unknown(message):
    written = write(message)
    for path, inner in places(written):
        if is_map(path, inner) or path[:1] == ("submods",) or (
                "eat_profile" in inner):
            continue
        for name in inner:
            less = copy.deepcopy(written)
            del at(less, path)[name]
            with pytest.raises(WireError):
                read(type(message), less)
        more = copy.deepcopy(written)
        at(more, path)["surprise"] = 1
        with pytest.raises(WireError):
            read(type(message), more)


WRONG = [None, True, 1.5, -1, "", "=", "A", "\n", [], [None], {}, {"x": 1},
         2 ** 60]


def wrong_for(kind, name, value):
    for wrong in WRONG:
        if wrong is None and (kind, name) in OPTIONAL:
            continue
        if wrong in ("", []) and name in MAY_BE_EMPTY and (
                type(wrong) is type(value)):
            continue
        if wrong == value and type(wrong) is type(value):
            continue
        if isinstance(value, bool) and isinstance(wrong, bool):
            continue
        if isinstance(value, str) and isinstance(wrong, str) and (
                is_free_text(name)) and wrong not in ("", "\n"):
            continue
        if kind == "Finding" and isinstance(wrong, str) and name not in (
                "claim", "tier"):
            continue
        if name == "subject" and isinstance(wrong, str):
            continue
        if name == "profiles" and wrong == {"x": 1}:
            continue
        yield wrong


def is_free_text(name):
    return name in {
        "attester_id", "host", "enrolment_id", "instance_id", "project_id",
        "profile", "image_id", "key_id", "launch_id", "parent",
        "release_id", "receipt", "origin", "rule", "detail", "expected",
        "actual", "action", "subject"} - {"action"}


@pytest.mark.parametrize("message", SPECIMENS, ids=NAMES)
def test_no_field_may_have_another_type(message):
    kind, written = type(message), write(message)
    top = written.get("trusted_launch", written)
    for name, value in top.items():
        for wrong in wrong_for(kind.__name__, name, value):
            changed = copy.deepcopy(written)
            changed.get("trusted_launch", changed)[name] = wrong
            with pytest.raises(WireError):
                found = read(kind, changed)
                pytest.fail(f"{name}={wrong!r} was read as {found}")


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
@pytest.mark.parametrize("value", [None, [], "x", 1, True, {}, {"a": 1}])
def test_what_is_no_object_is_refused(kind, value):
    with pytest.raises(WireError):
        read(kind, value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4)
    | st.sampled_from(["sha256", "ab" * 32, "AAAA"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.text(max_size=3) | st.sampled_from(["sha256", "0", "7"]), inner,
        max_size=3), max_leaves=8)


@pytest.mark.parametrize("message", SPECIMENS, ids=NAMES)
@given(data=st.data())
def test_reading_is_total(message, data):
    written = copy.deepcopy(write(message))
    path, inner = data.draw(st.sampled_from(list(places(written))))
    name = data.draw(st.sampled_from(sorted(inner)))
    inner[name] = data.draw(JSON)
    try:
        found = read(type(message), written)
    except WireError:
        pass
    else:
        assert write(found) == written, path


@pytest.mark.parametrize("entry", [
    "abcd", ["h", "p", 2], ["h", "p", 2, 1, 1], ["h", "p", 3, 1],
    ["h", "p", True, 1], ["h", "p", 2.0, 1], ["h", "p", "2", 1],
    ["h", "p", 2, "1"], ["h", "p", 2, 1.0], [1, "p", 2, 1], ["h", None, 2, 1],
    {"h": 1, "p": 2, "t": 3, "e": 4}])
def test_h4_malformed_snapshot_entries_are_refused(entry):
    snapshot = write(SPECIMENS[-1])
    read(type(SPECIMENS[-1]), snapshot)
    snapshot["entries"].append(entry)
    with pytest.raises(WireError):
        read(type(SPECIMENS[-1]), snapshot)


@pytest.mark.parametrize("change", [
    pytest.param(lambda c: c.update(exp=c["exp"] + 1), id="expiry"),
    pytest.param(lambda c: c["submods"]["host"].update(
        {"ear.status": "contraindicated"}), id="status"),
    pytest.param(lambda c: c["submods"]["host"].update(
        {"ear.appraisal-policy-id": "tin/1"}), id="policy"),
    pytest.param(lambda c: c["submods"].update({"other": {}}), id="more"),
    pytest.param(lambda c: c["trusted_launch"].update(findings=[]),
                 id="findings taken out"),
])
def test_an_ear_that_contradicts_itself_is_refused(change):
    (result,) = [s for s in SPECIMENS if "submods" in write(s)]
    claims = write(result)
    change(claims)
    with pytest.raises(WireError):
        read(type(result), claims)
