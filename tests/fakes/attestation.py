# SPDX-License-Identifier: Apache-2.0
"""The service as an agent sees it: the real core, with nothing around it.

It answers truthfully.  A test lies by putting a function into ``lies`` under
a method's name: it gets the true answer and returns (or raises) another.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from attestation_service.core import errors as core_errors
from attestation_service.core.tpm import credential
from attestation_service.core.tpm.attestation_key import load_attestation_key
from attestation_service.core.tpm.quote import verify_quote
from attestation_service.core.tpm.structures import Public
from nova_trusted_launch.agent.tpm import Endorsement
from nova_trusted_launch.client.errors import Refused
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from nova_trusted_launch.wire.enrolment import activation_proof
from nova_trusted_launch.wire.enrolment import CredentialChallenge
from nova_trusted_launch.wire.enrolment import EnrolmentRequest
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.release import Released, ReleaseRequest
from tests.fakes.policy_signer import BUNDLE, PolicySigner

SELECTION = PcrSelection(HashAlg.SHA256, frozenset(range(11)))
BOOT = frozenset(range(10))
_MINUTE = datetime.timedelta(minutes=1)


@dataclasses.dataclass
class Enrolled:
    """An attester as the service remembers it."""

    id: str
    host: str
    endorsement: Endorsement
    ak_public: bytes
    state: str = "approved"
    ima_offset: int = 0

    @property
    def ak_name(self) -> str:
        return Public.parse(self.ak_public).name.hex()


class FakeService:
    """Enrolment, attestation, release and leases."""

    def __init__(self, *, kind: str = "ek-p256") -> None:
        self.kind = kind
        self.signer = PolicySigner()
        self.attesters: dict[str, Enrolled] = {}
        self.evidence: list[Evidence] = []
        self.requests: list[ReleaseRequest] = []
        self.leases: dict[str, dict[str, Any]] = {}
        self.lies: dict[str, Callable[[Any], Any]] = {}
        self.calls: list[str] = []
        self._enrolments: dict[str, tuple[EnrolmentRequest, bytes]] = {}
        self._open: dict[bytes, Any] = {}

    # Enrolment.

    def attester_enrol(self, request: EnrolmentRequest
                       ) -> CredentialChallenge:
        for known in self.attesters.values():
            if known.state != "retired" and request.claimed_host == known.host:
                raise Refused(Code.ATTESTER_TAKEN, "taken")
        secret = secrets.token_bytes(32)
        blob, seed = credential.make_credential(
            Public.parse(request.ek_public),
            Public.parse(request.ak_public).name, secret,
            secrets.token_bytes(64))
        identifier = f"enrolment-{len(self._enrolments)}"
        self._enrolments[identifier] = request, secret
        return self._say("attester_enrol", CredentialChallenge(
            identifier, blob, seed, later()))

    def attester_activate(self, enrolment_id: str,
                          proof: bytes) -> dict[str, Any]:
        request, secret = self._enrolments.pop(enrolment_id)
        if proof != activation_proof(secret, enrolment_id):
            raise Refused(Code.ENROLMENT_FAILED, "wrong proof")
        made = Enrolled(
            f"attester-{len(self.attesters)}", request.claimed_host,
            Endorsement(self.kind, request.ek_public, b"", ()),
            request.ak_public)
        self.attesters[made.id] = made
        return self._say("attester_activate", self._view(made))

    def attester_show(self, attester: str) -> dict[str, Any]:
        for known in self.attesters.values():
            if attester in {known.id, known.host}:
                return self._say("attester_show", self._view(known))
        raise Refused(Code.ATTESTER_UNKNOWN, "unknown")

    @staticmethod
    def _view(known: Enrolled) -> dict[str, Any]:
        return {"id": known.id, "host": known.host, "state": known.state,
                "ak_name": known.ak_name}

    # Attestation.

    def challenge_create(self, attester_id: str) -> Challenge:
        known = self._known(attester_id)
        return self._say("challenge_create", self._challenge(
            known, Purpose.ATTEST, "", None))

    def evidence_send(self, evidence: Evidence) -> list[str]:
        self._verify(evidence, evidence.nonce)
        return self._say("evidence_send", ["a.e30.c"])

    # Release.

    def release_request(self, request: ReleaseRequest) -> Challenge:
        known = self._known(request.attester_id)
        self.requests.append(request)
        return self._say("release_request", self._challenge(
            known, Purpose.RELEASE, f"release-{len(self.requests)}", request))

    def release_answer(self, release_id: str,
                       evidence: Evidence) -> Released:
        challenge, request = self._open[evidence.nonce]
        assert challenge.subject == release_id
        self._verify(evidence, request.binding(evidence.nonce))
        known = self._known(evidence.attester_id)
        sealed = self.signer.seal(
            secrets.token_bytes(32), known.endorsement,
            evidence.pcrs.only(BOOT), release_id, request.nonce_tpm)
        return self._say("release_answer", Released(
            release_id, sealed, hashlib.sha256(b"image").digest(),
            "header.receipt.signature", 7, later()))

    def instance_show(self, instance_id: str) -> dict[str, Any] | None:
        return self._say("instance_show", self.leases.get(instance_id))

    def instance_close(self, instance_id: str) -> None:
        self._say("instance_close", None)
        if self.leases.pop(instance_id, None) is None:
            raise Refused(Code.RECEIPT_UNKNOWN, "never trusted")

    # Inside.

    def _say(self, name: str, answer: Any) -> Any:
        self.calls.append(name)
        return self.lies[name](answer) if name in self.lies else answer

    def _known(self, attester_id: str) -> Enrolled:
        known = self.attesters.get(attester_id)
        if known is None:
            raise Refused(Code.ATTESTER_UNKNOWN, "unknown")
        if known.state != "approved":
            raise Refused(Code("attester." + known.state), known.state)
        return known

    def _challenge(self, known: Enrolled, purpose: Purpose, subject: str,
                   request: Any) -> Challenge:
        made = Challenge(secrets.token_bytes(32), known.id, purpose,
                         SELECTION, known.ima_offset, later(), subject)
        self._open[made.nonce] = made, request
        return made

    def _verify(self, evidence: Evidence, qualifying: bytes) -> None:
        self._open.pop(evidence.nonce)
        known = self._known(evidence.attester_id)
        try:
            verify_quote(
                evidence.quote, evidence.signature, evidence.pcrs,
                ak=load_attestation_key(known.ak_public), nonce=qualifying,
                selection=SELECTION)
        except core_errors.EvidenceError as exc:
            raise Refused(exc.code, str(exc)) from exc
        self.evidence.append(evidence)


def later() -> datetime.datetime:
    """Return a time in a minute."""
    return datetime.datetime.now(datetime.UTC) + _MINUTE


__all__ = ["BUNDLE", "FakeService"]
