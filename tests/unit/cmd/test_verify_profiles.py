# SPDX-License-Identifier: Apache-2.0
"""The profiles and reference values that attestation-verify takes."""

from __future__ import annotations

import pytest

from tests.unit.cmd.judging import VECTORS, draft, judge, written


def test_a_label_is_the_operators_word(capsys, tmp_path):
    path = written(tmp_path, {"schema": 1, "require": [
        {"label": {"name": "region", "values": ["eu"]}}]})
    folder = VECTORS / "hosts" / "sb-tcg"
    assert judge(capsys, folder, path)[0] == 1
    assert judge(capsys, folder, path, "--label", "region=us")[0] == 1
    assert judge(capsys, folder, path, "--label", "region=eu")[0] == 0
    assert judge(capsys, folder, path, "--label", "region")[0] == 2


def test_sets_of_reference_values(capsys, tmp_path):
    folder = VECTORS / "hosts" / "sb-tcg"
    document = draft(capsys, folder)
    values = next(r["ima"] for r in document["require"]
                  if "ima" in r).pop("values")
    document["require"][-1]["ima"] = {"reference_values": ["files"]}
    path = written(tmp_path, document)
    status, _, err = judge(capsys, folder, path)
    assert status == 2
    assert "there are no reference values 'files'" in err
    known = written(tmp_path, {"reference_values": {
        "name": "files", "kind": "ima", "provenance": "a test",
        "values": values, "expires_at": None}}, "files.json")
    assert judge(capsys, folder, path, "--reference", known)[0] == 0
    known = written(tmp_path, {
        "name": "files", "kind": "ima", "values": values,
        "expires_at": "2026-11-01T00:00:00Z"}, "files.json")
    status, _, err = judge(capsys, folder, path, "--reference", known)
    assert status == 2
    assert "expired" in err


@pytest.mark.parametrize("content", [
    b"[", b"\xff\xfe", b"[]", b"{}", b"schema: 1\nschema: 1\nrequire: []",
    b"a: &a [1]\nb: *a", b"schema: 2\nrequire: [{}]",
    b"schema: !!python/name:os.system 1", b"[" * 5000,
    b'{"schema": 1, "require": []}', b"a: {b: 1, b: 2}"])
def test_a_document_that_is_none_is_wrong_usage(capsys, tmp_path, content):
    path = tmp_path / "profile.yaml"
    path.write_bytes(content)
    status, out, err = judge(capsys, VECTORS / "hosts" / "sb-tcg", path)
    assert (status, out) == (2, "")
    assert "profile.yaml: " in err


@pytest.mark.parametrize("content", [
    {}, [], {"name": "a"}, {"name": "a", "kind": "ima", "values": {}},
    {"name": "a", "kind": "x", "values": {"00" * 32: []}},
    {"name": "a", "kind": "ima", "values": {"00" * 32: []},
     "expires_at": "soon"}])
def test_a_set_that_is_none_is_wrong_usage(capsys, tmp_path, profile,
                                           content):
    known = written(tmp_path, content, "set.json")
    status, out, err = judge(capsys, VECTORS / "hosts" / "sb-tcg", profile,
                             "--reference", known)
    assert (status, out) == (2, "")
    assert "set.json: " in err


def test_one_command_line_pattern_and_no_secure_boot(capsys, tmp_path):
    """The tool says what the profile wanted and what the host has."""
    path = written(tmp_path, {"schema": 1, "require": [
        {"command-line": {"forbidden": ["ima_policy=*"]}}]})
    status, out, _ = judge(capsys, VECTORS / "hosts" / "sb-tcg", path)
    assert status == 1
    assert "the command line has 'ima_policy=tcb'" in out
