# SPDX-License-Identifier: Apache-2.0
"""Schemas of attesters and their enrolment."""

from __future__ import annotations

from attestation_service.api.schemas import types as t
from attestation_service.api.schemas.parameters import ATTESTER_STATE

SCHEMAS = {
    "EnrolmentRequest": t.an_object({
        "host": t.HOST, "ek_certificate": t.b64(1, 16384),
        "intermediates": t.array(t.b64(1, 16384), 8),
        "ek_public": t.b64(1, 2048), "ak_public": t.b64(1, 2048)}),
    "CredentialChallenge": t.an_object({
        "enrolment_id": t.ID, "id_object": t.b64(1, 1024),
        "secret": t.b64(1, 1024), "expires_at": t.TIME}),
    "Activation": t.an_object({
        "enrolment_id": t.ID, "proof": t.b64(32, 32)}),
    "AttesterUpdate": t.an_object({"labels": t.LABELS}),
    "Attester": t.an_object(
        {"id": t.ID, "host": t.HOST,
         "state": ATTESTER_STATE,
         "labels": t.LABELS, "manufacturer": t.SENTENCE,
         "firmware": t.SENTENCE, "hardware": t.BOOLEAN,
         "ek_digest": t.DIGEST, "ak_name": t.HEX,
         "created_at": t.TIME, "updated_at": t.TIME,
         "last_seen_at": t.nullable(t.TIME)},
        {"reset_count": t.COUNT}),
    "AttesterAnswer": t.an_object({"attester": t.ref("Attester")}),
    "Attesters": t.listing("attesters", "Attester"),
    "KeptEvidence": t.an_object({
        "id": t.ID, "attester_id": t.ID, "received_at": t.TIME,
        "size": t.COUNT}),
    "KeptEvidenceList": t.an_object({
        "evidence": t.array(t.ref("KeptEvidence"))}),
    "KeptEvidenceAnswer": t.an_object({"evidence": t.an_object({
        "id": t.ID, "attester_id": t.ID, "received_at": t.TIME,
        "envelope": {"type": "object"}, "qualifying": t.HEX,
        "labels": t.LABELS, "ak_public": t.b64(1, 2048),
        "ek_certificate": t.nullable(t.b64(1, 16384)),
        "intermediates": t.array(t.b64(1, 16384), 8)})}),
    "Explanation": t.an_object({
        "attester": t.ref("Attester"),
        "results": t.array(t.ref("ExplainedResult")),
        "evidence": t.array(t.ref("KeptEvidence"))}),
}
