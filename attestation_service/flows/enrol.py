# SPDX-License-Identifier: Apache-2.0
"""A host enrols its TPM: endorsement, then proof that the AK lives in it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Container

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.endorsement import verify_endorsement
from attestation_service.core.tpm import envelope, wrap
from attestation_service.core.tpm.attestation_key import load_attestation_key
from attestation_service.core.tpm.credential import make_credential
from attestation_service.core.trust_anchors import TrustAnchors
from attestation_service.flows import events
from attestation_service.flows.settings import Settings
from attestation_service.ports import Randomness, Store
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.enrolment import (
    CredentialChallenge,
    EnrolmentRequest,
    activation_proof,
)

_CREDENTIAL_SIZE = 32


class Enrol:
    """A claim to a TPM becomes an attester.

    ``approved_eks`` holds the EK digests whose attesters need no approval.
    """

    def __init__(self, store: Store, anchors: TrustAnchors,
                 random: Randomness, approved_eks: Container[bytes],
                 settings: Settings) -> None:
        self._store = store
        self._anchors = anchors
        self._random = random
        self._approved_eks = approved_eks
        self._settings = settings

    def begin(self, request: EnrolmentRequest, user_id: str,
              now: r.Time) -> CredentialChallenge:
        """Answer a claim with a credential that only its TPM can open.

        Checks, in this order: the EK is endorsed; we can seal to it; the AK
        may attest.  That the AK lives in the EK's TPM is what activation
        proves.

        :raises UnendorsedKey: a check failed.
        :raises MalformedEvidence: a certificate or key is none.
        :raises LimitReached: the TPM has too many enrolments under way.
        """
        endorsed = verify_endorsement(
            request.ek_certificate, request.intermediates, request.ek_public,
            anchors=self._anchors, now=now)
        wrap.parent_name_of(endorsed.ek)
        ak = load_attestation_key(request.ak_public)
        credential = self._random.bytes(_CREDENTIAL_SIZE)
        id_object, secret = make_credential(
            endorsed.ek, ak.name, credential,
            self._random.bytes(envelope.SEED_SIZE))
        enrolment_id = self._random.uuid()
        expires_at = now + self._settings.enrolment_life
        enrolment = r.Enrolment(
            enrolment_id, request.claimed_host, user_id,
            request.ek_certificate, request.intermediates, request.ek_public,
            request.ak_public, endorsed.ek_digest, endorsed.manufacturer,
            endorsed.version, endorsed.hardware,
            _digest(activation_proof(credential, enrolment_id)), expires_at)
        with self._store.unit() as unit:
            unit.attesters.begin(
                enrolment, most_open=self._settings.open_enrolments, now=now)
        return CredentialChallenge(enrolment_id, id_object, secret,
                                   expires_at)

    def activate(self, enrolment_id: str, proof: bytes, user_id: str,
                 now: r.Time) -> r.Attester:
        """Make an attester of whoever opened the credential.

        :raises Forbidden: unknown, taken or expired; another user; or the
            proof is wrong, which ends the enrolment.
        :raises Conflict: the host or the TPM is enrolled already.
        """
        with self._store.unit() as unit:
            # Taken before anything is compared: one guess, no second.
            enrolment = unit.attesters.take(enrolment_id, now)
        if enrolment.user_id != user_id:
            raise errors.Forbidden("the enrolment was begun by another user",
                                   Code.ENROLMENT_FAILED)
        if not hmac.compare_digest(_digest(proof), enrolment.proof_digest):
            raise errors.Forbidden(
                "the proof is not that of the credential",
                Code.ENROLMENT_FAILED)
        approved = enrolment.ek_digest in self._approved_eks
        attester = r.Attester(
            self._random.uuid(), enrolment.host,
            r.AttesterState.APPROVED if approved
            else r.AttesterState.PENDING, user_id, enrolment.ek_public,
            enrolment.ak_public, enrolment.ek_digest, enrolment.manufacturer,
            enrolment.firmware, enrolment.hardware, {}, now, now,
            ek_certificate=enrolment.ek_certificate,
            intermediates=enrolment.intermediates)
        with self._store.unit() as unit:
            unit.attesters.add(attester)
            unit.outbox.put(events.attester_state(attester, None, now))
        return attester


def _digest(proof: bytes) -> bytes:
    return hashlib.sha256(proof).digest()
