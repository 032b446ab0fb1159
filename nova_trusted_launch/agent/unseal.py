# SPDX-License-Identifier: Apache-2.0
"""Have an instance's keys released to this host, and open them in its TPM.

The keys leave this module in one value, for the socket server only; they are
not logged, stored or kept.  What Python lets us overwrite is overwritten; the
copies it makes on its own (``bytes``) go with the garbage, in memory that the
daemon has locked.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nova_trusted_launch.agent.attester import Collector
from nova_trusted_launch.agent.identity import Identities
from nova_trusted_launch.agent.state import Identity
from nova_trusted_launch.agent.tpm import PolicySession, SealRefused, Tpm
from nova_trusted_launch.client.agent import ReleasedKeys
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.release import Bundle
from nova_trusted_launch.wire.release import Released, ReleaseRequest

_IV = 12
_TAG = 16


class ReleaseService(Protocol):
    """What of the service's API a release needs."""

    def release_request(self, request: ReleaseRequest) -> Challenge:
        """See :class:`nova_trusted_launch.client.attesting.Attesting`."""

    def release_answer(self, release_id: str,
                       evidence: Evidence) -> Released:
        """See :class:`nova_trusted_launch.client.attesting.Attesting`."""


class Releaser:
    """Runs releases, a few at a time: a TPM has few sessions."""

    def __init__(self, tpm: Tpm, identities: Identities,
                 service: ReleaseService, collector: Collector, *,
                 parallel: int, patience: float) -> None:
        self._tpm, self._identities = tpm, identities
        self._service, self._collector = service, collector
        self._places = threading.BoundedSemaphore(parallel)
        self._patience = patience

    def release(self, wanted: dict[str, Any]) -> ReleasedKeys:
        """Have the keys of an instance released.

        ``wanted`` has instance_id, action, profile, image_id, key_id and
        launch_id, as they came over the socket.

        :raises Refused: the request, the service or the TPM says no.
        :raises Unavailable: nobody decided.
        :raises TpmError: the TPM failed.
        """
        identity = self._identities.current()
        if identity is None:
            raise Unavailable("this host is not enrolled yet",
                              code=Code.AGENT_UNAVAILABLE)
        with self._place(), contextlib.closing(
                self._tpm.policy_session()) as session:
            request = _request(identity, session, wanted)
            released = self._ask(identity, request)
            return _open(released, session)

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._patience):
            raise Unavailable("too many releases are under way",
                              code=Code.AGENT_UNAVAILABLE)
        try:
            yield
        finally:
            self._places.release()

    def _ask(self, identity: Identity, request: ReleaseRequest) -> Released:
        challenge = self._service.release_request(request)
        collected = self._collector.collect(
            identity, challenge, Purpose.RELEASE,
            request.binding(challenge.nonce))
        released = self._service.release_answer(challenge.subject,
                                                collected.evidence)
        if released.release_id != challenge.subject:
            raise Unavailable("the service's answer is of another release")
        self._identities.accepted(identity, collected.reset_count)
        return released


def _request(identity: Identity, session: PolicySession,
             wanted: dict[str, Any]) -> ReleaseRequest:
    try:
        return ReleaseRequest.from_dict({
            **wanted, "attester_id": identity.attester_id,
            "nonce_tpm": encoding.b64(session.nonce)})
    except WireError as exc:
        raise Refused(Code.REQUEST_INVALID, str(exc)) from exc


def _open(released: Released, session: PolicySession) -> ReleasedKeys:
    key = session.unseal(released.sealed_key, released.release_id)
    try:
        bundle = _decrypt(key, released)
    finally:
        key[:] = bytes(len(key))
    return ReleasedKeys(
        bundle.disk_key, bundle.image_key, bundle.nonce, released.receipt,
        released.log_index, released.image_digest, released.release_id)


def _decrypt(key: bytearray, released: Released) -> Bundle:
    data = released.sealed_key.bundle
    if len(data) < _IV + _TAG:
        raise SealRefused("the released keys are not complete")
    try:
        plain = _cipher(key).decrypt(
            data[:_IV], data[_IV:], released.release_id.encode())
        return Bundle.from_bytes(plain)
    except (InvalidTag, ValueError):
        # Without the cause: it could quote what it could not read.
        raise SealRefused("the released keys are not of this release"
                          ) from None


def _cipher(key: Any) -> AESGCM:
    """Take the key as it is: a copy as bytes could not be overwritten."""
    return AESGCM(key)
