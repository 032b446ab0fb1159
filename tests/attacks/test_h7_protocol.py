# SPDX-License-Identifier: Apache-2.0
"""H7 at the service: other protocols, and messages of another form."""

from __future__ import annotations

import pytest

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.challenge import NONCE_SIZE
from tests.fixtures.host import refusal


def test_h7_older_protocol_refused(service, host, placed):
    for version in ("0.1", "0.9", "1.1", "2.0"):
        answer = service.ask("agent", "POST", "/v1/challenges", {
            "attester_id": host.attester_id}, headers={
                "OpenStack-API-Version": f"host-attestation {version}"})
        assert refusal(answer) == (406, "request.version")
    for path in ("/v0/challenges", "/v0.9/challenges", "/challenges"):
        assert refusal(host.ask("POST", path)) == (
            404, "request.not_found")


@pytest.mark.parametrize("nonce", [b"", b"short", bytes(NONCE_SIZE - 1),
                                   bytes(NONCE_SIZE + 1), bytes(64)])
def test_h7_messages_of_another_form_refused(service, host, nonce):
    evidence = host.evidence(host.challenge()).to_dict()
    for changed in ({"nonce": encoding.b64(nonce)}, {"version": 0},
                    {"quote": ""}, {"pcrs": {"sha1": {"0": "00" * 20}}}):
        assert refusal(host.ask("POST", "/v1/evidence", {
            **evidence, **changed})) == (400, "request.invalid")
    old = dict(evidence)
    del old["ima_offset"]
    assert refusal(host.ask("POST", "/v1/evidence", old)) == (
        400, "request.invalid")
