# SPDX-License-Identifier: Apache-2.0
"""The usual entries are read by their columns, and what is not with care."""

from __future__ import annotations

import hashlib

import pytest

from attestation_service.core.errors import UnauthenticEvidence
from attestation_service.core.ima import extended, log
from tests.fakes import logs

FORMS = pytest.mark.parametrize("form", ["dump", "ascii"])
HASHES = pytest.mark.parametrize("claimed", [
    "sha1", "sha256", "sha384", "sha512"])
# Up to the longest that a kernel knows, with its NUL.
PATHS = ["/", "/bin/a", "/" + "p" * 4094]


def raws(files, form):
    data = getattr(files, form)()
    shape = log.shape(data)
    return shape, [raw for chunk in log.chunks(data, shape) for raw in chunk]


def usual(template, claimed, paths=PATHS):
    files = logs.ImaList([
        logs.ima_file(path, path.encode(), template=template,
                      signature=b"\3\2" * i)
        for i, path in enumerate(paths)])
    for entry in files.entries:
        entry.claimed = hashlib.new(claimed, entry.data).digest()
    return files


def true(files):
    return [hashlib.sha384(entry.data).digest() for entry in files.entries]


@FORMS
@HASHES
@pytest.mark.parametrize("template", ["ima-ng", "ima-sig"])
@pytest.mark.parametrize("paths", [PATHS, PATHS[1:], PATHS[2:]])
def test_the_usual_entries_are_not_taken_apart(
        monkeypatch, form, claimed, template, paths):
    files = usual(template, claimed, paths)
    shape, found = raws(files, form)
    # Neither is called.
    monkeypatch.setattr(log, "parse", None)
    monkeypatch.setattr(extended, "_corrected", None)
    assert extended.reader("sha384", shape)(found) == true(files)


@FORMS
@HASHES
@pytest.mark.parametrize("odd", [
    logs.ima_file("/new", b"x", template="ima-ngv2"),
    logs.ima_file("/long", b"x", alg="sha512"),
    logs.ima_file("/" + "p" * 5000, b"x")], ids=["v2", "sha512", "path"])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_what_is_unusual_is_taken_apart(
        monkeypatch, form, claimed, odd, at):
    files = usual("ima-ng", claimed)
    files.entries.insert(at, odd)
    odd.claimed = hashlib.new(claimed, odd.data).digest()
    shape, found = raws(files, form)
    apart, parse = [], log.parse
    monkeypatch.setattr(log, "parse", lambda raw, form: (
        apart.append(raw), parse(raw, form))[1])
    assert extended.reader("sha384", shape)(found) == true(files)
    # A binary entry says itself how long its data is.
    assert form == "dump" or apart == [found[at]]


@FORMS
@HASHES
@pytest.mark.parametrize("at", [0, 1, 2])
def test_what_does_not_hash_to_its_hash_is_refused(form, claimed, at):
    files = usual("ima-ng", claimed)
    entry = files.entries[at]
    entry.claimed = bytes([entry.claimed[0] ^ 1]) + entry.claimed[1:]
    shape, found = raws(files, form)
    with pytest.raises(UnauthenticEvidence):
        extended.reader("sha384", shape)(found)
