# SPDX-License-Identifier: Apache-2.0
"""Collect evidence for a challenge, and attest.

Knows no TPM library: it asks the port.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nova_trusted_launch.agent.identity import Identities
from nova_trusted_launch.agent.logs import HostLogs
from nova_trusted_launch.agent.state import Identity
from nova_trusted_launch.agent.tpm import Quoted, Tpm
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.evidence import Evidence


class AttestationService(Protocol):
    """What of the service's API attestation needs."""

    def challenge_create(self, attester_id: str) -> Challenge:
        """See :class:`nova_trusted_launch.client.attesting.Attesting`."""

    def evidence_send(self, evidence: Evidence) -> list[str]:
        """See :class:`nova_trusted_launch.client.attesting.Attesting`."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Evidence, and the boot it is from."""

    evidence: Evidence
    reset_count: int


class Collector:
    """Makes evidence of a host's TPM and logs."""

    def __init__(self, tpm: Tpm, logs: HostLogs) -> None:
        self._tpm, self._logs = tpm, logs

    def collect(self, identity: Identity, challenge: Challenge,
                purpose: Purpose, qualifying: bytes) -> Collected:
        """Answer ``challenge``, which must be for us and for ``purpose``.

        The logs are read after the quote: an entry is in the kernel's list
        before its register is extended, so the list covers the quote.

        :raises Unavailable: the challenge is for somebody or something else.
        :raises TpmError: the TPM failed.
        """
        if (challenge.attester_id != identity.attester_id
                or challenge.purpose is not purpose):
            raise Unavailable("the service's challenge is not for us")
        quoted = self._tpm.quote(identity.unique, qualifying,
                                 challenge.selection,
                                 urgent=purpose is Purpose.RELEASE)
        ima_log, offset = self._logs.ima_log(
            self._resume_at(identity, challenge, quoted))
        return Collected(Evidence(
            challenge.attester_id, challenge.nonce, quoted.attest,
            quoted.signature, quoted.pcrs, self._logs.boot_log(), ima_log,
            offset), quoted.reset_count)

    @staticmethod
    def _resume_at(identity: Identity, challenge: Challenge,
                   quoted: Quoted) -> int:
        # What the service has of the list is of the boot it saw last.
        if identity.reset_count != quoted.reset_count:
            return 0
        return challenge.ima_offset


class Attester:
    """Attests this host to the service."""

    def __init__(self, identities: Identities, service: AttestationService,
                 collector: Collector) -> None:
        self._identities, self._service = identities, service
        self._collector = collector

    def attest(self) -> list[str]:
        """Attest once, enrolled or not; return the signed results.

        :raises Refused: the service says no.
        :raises Unavailable: the service did not decide.
        :raises TpmError: the TPM failed.
        :raises StateError: who we are cannot be written down.
        """
        identity = self._identities.ensure()
        try:
            challenge = self._service.challenge_create(
                identity.attester_id or "")
            collected = self._collector.collect(
                identity, challenge, Purpose.ATTEST, challenge.nonce)
            results = self._service.evidence_send(collected.evidence)
        except Refused as exc:
            if exc.code == Code.ATTESTER_UNKNOWN:
                self._identities.forget(identity.attester_id or "")
            raise
        self._identities.accepted(identity, collected.reset_count)
        return results


def lifetime(results: Sequence[str], now: float) -> float | None:
    """Return for how many seconds the shortest of these results is good.

    Only to choose when to attest next: nothing is verified.
    """
    found = [left for left in (_left(jwt, now) for jwt in results)
             if left is not None]
    return min(found, default=None)


def _left(jwt: str, now: float) -> float | None:
    try:
        part = jwt.split(".")[1]
        payload = json.loads(base64.urlsafe_b64decode(
            part + "=" * (-len(part) % 4)))
        return max(float(payload["exp"]) - now, 0.0)
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None
