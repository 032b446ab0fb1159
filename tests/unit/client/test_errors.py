# SPDX-License-Identifier: Apache-2.0
"""What an answer other than yes means."""

from __future__ import annotations

import json

import pytest

from nova_trusted_launch.client import errors
from nova_trusted_launch.wire.codes import Code


def body(**fields) -> bytes:
    return json.dumps({"errors": [{
        "status": 409, "code": "evidence.stale", "title": "t",
        "detail": "spent", "action": "again", "request_id": "req-1",
        **fields}]}).encode()


@pytest.mark.parametrize("status, kind", [
    (400, errors.Refused), (403, errors.Refused), (404, errors.Refused),
    (409, errors.Refused), (422, errors.Refused), (429, errors.Refused),
    (500, errors.Unavailable), (503, errors.Unavailable),
    (301, errors.Unavailable)])
def test_status_says_whether_somebody_decided(status, kind):
    exc = errors.from_response(status, body(), "req-1")
    assert type(exc) is kind
    assert exc.request_id == "req-1"


def test_reason_travels():
    exc = errors.from_response(409, body(), "")
    assert exc.code is Code.EVIDENCE_STALE
    assert (exc.detail, exc.action) == ("spent", "again")
    assert str(exc) == "spent (evidence.stale)"


def test_code_of_a_newer_service_stays_a_string():
    exc = errors.from_response(409, body(code="new.code", action=""), "")
    assert (exc.code, exc.action) == ("new.code", "")


def test_advice_comes_with_the_code_when_the_service_gives_none():
    exc = errors.from_response(409, body(action=""), "")
    assert exc.action == Code.EVIDENCE_STALE.action


@pytest.mark.parametrize("data", [
    b"", b"{}", b"[]", b'{"errors": []}', b'{"errors": [1]}',
    b'{"errors": [{"code": "x"}]}', b'{"errors": [{"code": 1, "detail": ""}]}',
    b"<html>", b"[" * 5000])
@pytest.mark.parametrize("status", [400, 404, 500])
def test_answer_of_somebody_else_is_no_decision(status, data):
    exc = errors.from_response(status, data, "")
    assert type(exc) is errors.Unavailable
    assert exc.code is Code.SERVICE_UNAVAILABLE
