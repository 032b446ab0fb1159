# SPDX-License-Identifier: Apache-2.0
"""What a host's agent says to the service, in wire types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from nova_trusted_launch.client import errors
from nova_trusted_launch.client.http import Http, member, resource
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.challenge import Challenge
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.enrolment import CredentialChallenge
from nova_trusted_launch.wire.enrolment import EnrolmentRequest
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.release import Released
from nova_trusted_launch.wire.release import ReleaseRequest

T = TypeVar("T")


class Attesting:
    """Enrolment, attestation and release, from the host's side."""

    _http: Http

    def attester_enrol(self, request: EnrolmentRequest
                       ) -> CredentialChallenge:
        """Claim a TPM for a host; return the credential to activate."""
        return _parsed(CredentialChallenge.from_dict, self._http.call(
            "POST", resource("attesters"), request.to_dict()))

    def attester_activate(self, enrolment_id: str,
                          proof: bytes) -> dict[str, Any]:
        """Prove the activation; return the attester."""
        answer = self._http.call(
            "POST", resource("attesters", "activate"),
            {"enrolment_id": enrolment_id, "proof": encoding.b64(proof)})
        return member(answer, "attester", dict)

    def challenge_create(self, attester_id: str) -> Challenge:
        """Ask for a nonce to attest with."""
        answer = self._http.call("POST", resource("challenges"),
                                 {"attester_id": attester_id})
        return _parsed(Challenge.from_dict,
                       member(answer, "challenge", dict))

    def evidence_send(self, evidence: Evidence) -> list[str]:
        """Send evidence; return one signed result per active profile."""
        answer = self._http.call("POST", resource("evidence"),
                                 evidence.to_dict())
        results = member(answer, "results", list)
        if not all(isinstance(jwt, str) for jwt in results):
            raise errors.Unavailable("the service's results are no JWTs")
        return results

    def release_request(self, request: ReleaseRequest) -> Challenge:
        """Ask for an instance's keys; ``subject`` is the release's id."""
        answer = self._http.call("POST", resource("releases"),
                                 request.to_dict())
        return _parsed(Challenge.from_dict,
                       member(answer, "challenge", dict))

    def release_answer(self, release_id: str,
                       evidence: Evidence) -> Released:
        """Send the evidence of a release; return the sealed keys."""
        return _parsed(Released.from_dict, self._http.call(
            "POST", resource("releases", release_id, "evidence"),
            evidence.to_dict()))


def _parsed(parse: Callable[[Any], T], value: Any) -> T:
    try:
        return parse(value)
    except WireError as exc:
        raise errors.Unavailable(
            f"the service's answer is not in the agreed form: {exc}"
        ) from exc
