# SPDX-License-Identifier: Apache-2.0
"""Attesters over HTTP: enrolment by agents, decisions by operators."""

from __future__ import annotations

import json
from typing import Any

from attestation_service import records as r
from attestation_service.api import views
from attestation_service.api.routing import Call
from attestation_service.core.tpm.structures import Public
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.enrolment import EnrolmentRequest


def enrol(call: Call) -> dict[str, Any]:
    """Claim a TPM for a host; get a credential challenge."""
    request = EnrolmentRequest.from_dict(call.body)
    challenge = call.flows.enrol.begin(request, call.user_id, call.now)
    return challenge.to_dict()


def activate(call: Call) -> dict[str, Any]:
    """Prove that the TPM opened the credential."""
    return {"attester": view(call.flows.enrol.activate(
        call.body["enrolment_id"],
        encoding.unb64(call.body["proof"], "proof"),
        call.user_id, call.now))}


def index(call: Call) -> dict[str, Any]:
    """List attesters."""
    page = call.wanted.page(state=views.member(r.AttesterState,
                                               call.query.get("state")),
                            host=call.query.get("host"))
    return call.wanted.answer("attesters", call.flows.attesters.list(page),
                              view, lambda a: a.id)


def show(call: Call) -> dict[str, Any]:
    """Show an attester by id or host name."""
    return {"attester": view(
        call.flows.attesters.find(call.path["attester"]))}


def update(call: Call) -> dict[str, Any]:
    """Replace an attester's labels."""
    return {"attester": view(call.flows.attesters.label(
        call.path["attester"], call.body["labels"], call.now))}


def approve(call: Call) -> dict[str, Any]:
    """Approve a pending attester."""
    return {"attester": view(call.flows.attesters.approve(
        call.path["attester"], call.now))}


def retire(call: Call) -> None:
    """Retire an attester for ever and withdraw its results."""
    call.flows.attesters.retire(call.path["attester"], call.now)


def attest(call: Call) -> dict[str, Any]:
    """Ask the agent of one host to attest now."""
    call.flows.attesters.attest_now(call.path["attester"])
    return {}


def attest_all(call: Call) -> dict[str, Any]:
    """Ask every agent to attest now."""
    call.flows.attesters.attest_now(None)
    return {}


def explain(call: Call) -> dict[str, Any]:
    """Show every finding of a host's latest results."""
    told = call.flows.explain(call.path["attester"],
                              call.query.get("profile"))
    return {"attester": view(told.attester),
            "results": [_explained(s) for s in told.results],
            "evidence": [_kept(k) for k in told.evidence]}


def evidence_index(call: Call) -> dict[str, Any]:
    """List the evidence kept of a host."""
    return {"evidence": [_kept(k) for k in call.flows.attesters.evidence(
        call.path["attester"])]}


def evidence_show(call: Call) -> dict[str, Any]:
    """Show one piece of kept evidence, to judge it offline."""
    kept = call.flows.attesters.evidence_of(
        call.path["attester"], call.path["evidence"])
    attester = call.flows.attesters.find(kept.attester_id)
    return {"evidence": {
        "id": kept.id, "attester_id": kept.attester_id,
        "received_at": encoding.timestamp(kept.received_at),
        "envelope": json.loads(kept.envelope),
        "qualifying": kept.qualifying.hex(),
        "labels": dict(attester.labels),
        "ak_public": encoding.b64(attester.ak_public),
        "ek_certificate": encoding.b64(attester.ek_certificate) or None,
        "intermediates": [encoding.b64(c) for c in attester.intermediates]}}


def view(attester: r.Attester) -> dict[str, Any]:
    """Show an attester."""
    counted = attester.counters
    boot = {} if counted is None else {"reset_count": counted.reset_count}
    return {"id": attester.id, "host": attester.host,
            "state": attester.state.value, "labels": dict(attester.labels),
            "manufacturer": attester.manufacturer,
            "firmware": attester.firmware, "hardware": attester.hardware,
            "ek_digest": attester.ek_digest.hex(),
            "ak_name": Public.parse(attester.ak_public).name.hex(),
            "created_at": encoding.timestamp(attester.created_at),
            "updated_at": encoding.timestamp(attester.updated_at),
            "last_seen_at": views.time(attester.last_seen_at), **boot}


def _explained(stored: r.StoredResult) -> dict[str, Any]:
    return {**views.result(stored),
            "findings": [f.to_dict() for f in stored.result.findings]}


def _kept(kept: r.KeptEvidence) -> dict[str, Any]:
    return {"id": kept.id, "attester_id": kept.attester_id,
            "received_at": encoding.timestamp(kept.received_at),
            "size": len(kept.envelope)}
