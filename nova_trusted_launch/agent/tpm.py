# SPDX-License-Identifier: Apache-2.0
"""What the agent asks of a TPM, as a port.

Structures travel as marshalled bytes, so that nothing here or above needs a
TPM library.  Whatever a call does, it leaves no session and no object behind
in the TPM, also when it fails; a :class:`PolicySession` lives until closed.

Calls may come from any thread: they queue for the one TPM, and those that are
``urgent`` (somebody waits for a virtual machine) go first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.digests import PcrBank, PcrSelection
from nova_trusted_launch.wire.release import SealedKey

UNIQUE_SIZE = 32


class TpmError(Exception):
    """The TPM could not do it.  ``code`` says which way it failed."""

    code = Code.TPM_FAILED


class SealRefused(TpmError):
    """The TPM keeps the key: other state, other TPM, other session."""

    code = Code.SEAL_REFUSED


@dataclass(frozen=True, slots=True)
class Endorsement:
    """An endorsement key and the certificates that came with the TPM.

    ``kind`` is one of the parents of a sealed key (``ek-p384`` ...);
    ``public`` is a TPMT_PUBLIC; certificates are DER.
    """

    kind: str
    public: bytes
    certificate: bytes
    intermediates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote and the register values it covers.

    ``attest`` is a TPMS_ATTEST, ``signature`` a TPMT_SIGNATURE;
    ``reset_count`` tells one boot from another.
    """

    attest: bytes
    signature: bytes
    pcrs: PcrBank
    reset_count: int


class PolicySession(Protocol):
    """A policy session under way; nobody else can use what is bound to it."""

    nonce: bytes

    def unseal(self, sealed: SealedKey, release_id: str) -> bytearray:
        """Return the key in ``sealed``; the caller overwrites it after use.

        Works at most once.

        :raises SealRefused: the TPM does not open it here, now, in this
            session.
        :raises TpmError: the TPM failed.
        """

    def close(self) -> None:
        """Forget the session; never raises, may be repeated."""


class Tpm(Protocol):
    """One host's TPM."""

    def endorsement(self) -> Endorsement:
        """Return the endorsement key of the most preferred kind.

        :raises TpmError: no endorsement key with its certificate.
        """

    def ak_public(self, unique: bytes) -> bytes:
        """Return the TPMT_PUBLIC of the attestation key for ``unique``.

        The same bytes give the same key for as long as the TPM's
        endorsement seed lives; nothing needs to be stored in the TPM.
        """

    def activate(self, unique: bytes, id_object: bytes,
                 secret: bytes) -> bytes:
        """Return the credential made for this EK and that AK.

        :raises TpmError: it was made for another EK or AK.
        """

    def quote(self, unique: bytes, qualifying: bytes,
              selection: PcrSelection, *, urgent: bool = False) -> Quoted:
        """Sign the values of these registers together with ``qualifying``.

        :raises TpmError: the TPM has no such bank, or failed.
        """

    def policy_session(self) -> PolicySession:
        """Start a policy session (SHA-256) to unseal in."""

    def close(self) -> None:
        """Let the TPM go, in the state its next user expects."""
