# SPDX-License-Identifier: Apache-2.0
"""Become somebody at the service, once, and stay it.

The attestation key's ``unique`` is on disk before the service hears of it, so
a crash at any step finds the same key again: when the service says that host
and TPM are taken, and it is by this very key, that attester is us.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Callable
from typing import Any, Protocol

from oslo_log import log as logging

from nova_trusted_launch.agent.state import Identity, StateError, StateFile
from nova_trusted_launch.agent.tpm import Tpm, UNIQUE_SIZE
from nova_trusted_launch.client.errors import Refused
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.enrolment import activation_proof
from nova_trusted_launch.wire.enrolment import CredentialChallenge
from nova_trusted_launch.wire.enrolment import EnrolmentRequest

LOG = logging.getLogger(__name__)

_SHA256 = b"\x00\x0b"


class EnrolmentService(Protocol):
    """What of the service's API enrolment needs."""

    def attester_enrol(self, request: EnrolmentRequest
                       ) -> CredentialChallenge:
        """See :class:`nova_trusted_launch.client.attesting.Attesting`."""

    def attester_activate(self, enrolment_id: str,
                          proof: bytes) -> dict[str, Any]:
        """See :class:`nova_trusted_launch.client.attesting.Attesting`."""

    def attester_show(self, attester: str) -> dict[str, Any]:
        """See :class:`nova_trusted_launch.client.operating.Operating`."""


class Identities:
    """Who this host is at the service."""

    def __init__(self, tpm: Tpm, service: EnrolmentService,
                 state: StateFile, host: str,
                 random: Callable[[int], bytes]) -> None:
        self._tpm, self._service, self._state = tpm, service, state
        self._host, self._random = host, random
        self._lock = threading.Lock()
        self._current: Identity | None = state.load()
        self._proven = False

    def current(self) -> Identity | None:
        """Return who we are, or None while we are nobody yet."""
        found = self._current
        if found is None or found.attester_id is None:
            return None
        # A renamed host is another one to Nova, hence to the service.
        return found if found.host == self._host else None

    def ensure(self) -> Identity:
        """Return who we are; enrol first when we are nobody yet.

        :raises Refused: the service does not take us.
        :raises Unavailable: the service did not decide.
        :raises TpmError: the TPM failed.
        :raises StateError: it cannot be written down.
        """
        with self._lock:
            found = self.current()
            if found is not None and not self._proven:
                found = self._prove(found)
            if found is None:
                found = self._enrol()
            self._proven = True
            return found

    def forget(self, attester_id: str) -> None:
        """The service does not know this attester: enrol again next time."""
        with self._lock:
            if self._current and self._current.attester_id == attester_id:
                self._state.forget()
                self._current = None

    def accepted(self, identity: Identity, reset_count: int) -> None:
        """Note in which boot the service last accepted our evidence."""
        with self._lock:
            if (self._current != identity
                    or identity.reset_count == reset_count):
                return
            self._current = dataclasses.replace(
                identity, reset_count=reset_count)
            try:
                self._state.save(self._current)
            except StateError as exc:
                # After a restart we would send the whole list once more.
                LOG.warning("The boot could not be noted: %s", exc)

    def _prove(self, found: Identity) -> Identity | None:
        """Return it when this TPM is still the one it was enrolled with."""
        if name_of(self._tpm.ak_public(found.unique)) == found.ak_name:
            return found
        LOG.error("The TPM is not the one that attester %s was enrolled "
                  "with: it was cleared or replaced.  Enrolling again; an "
                  "operator has to retire the old attester",
                  found.attester_id)
        return None

    def _keep(self, identity: Identity) -> Identity:
        self._state.save(identity)
        self._current = identity
        return identity

    def _enrol(self) -> Identity:
        endorsement = self._tpm.endorsement()
        begun, public = self._begin()
        try:
            challenge = self._service.attester_enrol(EnrolmentRequest(
                self._host, endorsement.certificate,
                endorsement.intermediates, endorsement.public, public))
        except Refused as exc:
            if exc.code != Code.ATTESTER_TAKEN:
                raise
            return self._reclaim(begun, exc)
        credential = self._tpm.activate(begun.unique, challenge.id_object,
                                        challenge.secret)
        attester = self._service.attester_activate(
            challenge.enrolment_id,
            activation_proof(credential, challenge.enrolment_id))
        return self._known_as(begun, attester)

    def _begin(self) -> tuple[Identity, bytes]:
        """Write down a new key, or take the one already written down."""
        begun = self._current
        if begun is not None and not begun.attester_id and (
                begun.host == self._host):
            public = self._tpm.ak_public(begun.unique)
            if name_of(public) == begun.ak_name:
                return begun, public
        unique = self._random(UNIQUE_SIZE)
        public = self._tpm.ak_public(unique)
        return self._keep(Identity(unique, name_of(public),
                                   self._host)), public

    def _reclaim(self, begun: Identity, refusal: Refused) -> Identity:
        """Taken: by us, when a crash came between activation and our note."""
        attester = self._service.attester_show(self._host)
        if attester.get("ak_name") != begun.ak_name:
            raise refusal
        return self._known_as(begun, attester)

    def _known_as(self, begun: Identity,
                  attester: dict[str, Any]) -> Identity:
        found = self._keep(dataclasses.replace(
            begun, attester_id=str(attester.get("id"))))
        LOG.info("Enrolled as attester %s of host %s (%s)",
                 found.attester_id, self._host, attester.get("state"))
        return found


def name_of(public: bytes) -> str:
    """Return the TPM Name (hex) of a key whose name algorithm is SHA-256."""
    return (_SHA256 + hashlib.sha256(public).digest()).hex()
