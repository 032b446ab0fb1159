# SPDX-License-Identifier: Apache-2.0
"""What needs no request: lines of the log, static tokens, problems."""

from __future__ import annotations

import logging

import pytest

from attestation_service.api import auth, logs, problems


def test_a_log_record_stays_on_one_line():
    record = logging.LogRecord(
        "x", logging.INFO, "f", 1, "GET %s refused", ("/a\r\nINFO forged",),
        None)
    assert logs.OneLine().filter(record)
    assert record.getMessage() == "GET /a\\r\\nINFO forged refused"


@pytest.mark.parametrize("entry", [
    {"user_id": "u", "roles": ["admin"]},
    {"user_id": "u", "roles": ["admin"], "project_id": ""},
    {"user_id": "u", "roles": ["admin"], "system": True, "project_id": "p"},
])
def test_a_static_token_has_one_scope(entry):
    with pytest.raises(ValueError, match="either"):
        auth.identity_of(entry)


def test_a_token_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "tokens.json"
    path.write_text("[]")
    path.chmod(0o640)
    with pytest.raises(ValueError, match="owner"):
        auth.read_static_tokens(str(path))


def test_every_code_has_a_problem():
    for known in problems.STATUS:
        answer = problems.response(known, "detail", {})
        assert answer.status_code == problems.STATUS[known]
