# SPDX-License-Identifier: Apache-2.0
"""Enrolment: what an agent sends of its TPM, and the credential challenge.

The credential itself never travels back: the agent proves that it has it with
:func:`activation_proof`.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError

MAX_CERTIFICATES = 8


@dataclass(frozen=True, slots=True)
class EnrolmentRequest:
    """A host's claim to a TPM.

    ``ek_certificate`` is DER, ``intermediates`` DER certificates between it
    and a root; ``ek_public`` and ``ak_public`` are TPMT_PUBLIC structures.
    ``claimed_host`` is the nova-compute host name; nothing of this is proven.
    """

    claimed_host: str
    ek_certificate: bytes
    intermediates: tuple[bytes, ...]
    ek_public: bytes
    ak_public: bytes

    def to_dict(self) -> dict[str, Any]:
        """Return the request as a JSON object."""
        return {"host": self.claimed_host,
                "ek_certificate": encoding.b64(self.ek_certificate),
                "intermediates": [encoding.b64(c)
                                  for c in self.intermediates],
                "ek_public": encoding.b64(self.ek_public),
                "ak_public": encoding.b64(self.ak_public)}

    @classmethod
    def from_dict(cls, value: Any) -> EnrolmentRequest:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "enrolment", "host", "ek_certificate",
                            "intermediates", "ek_public", "ak_public")
        chain = v["intermediates"]
        if not isinstance(chain, list) or len(chain) > MAX_CERTIFICATES:
            raise WireError(f"intermediates: at most {MAX_CERTIFICATES}")
        return cls(encoding.text(v["host"], "host"),
                   encoding.unb64(v["ek_certificate"], "ek_certificate"),
                   tuple(encoding.unb64(c, "intermediates") for c in chain),
                   encoding.unb64(v["ek_public"], "ek_public"),
                   encoding.unb64(v["ak_public"], "ak_public"))


@dataclass(frozen=True, slots=True)
class CredentialChallenge:
    """The answer to an enrolment: only that EK can open it for that AK.

    ``id_object`` is a TPM2B_ID_OBJECT and ``secret`` a
    TPM2B_ENCRYPTED_SECRET, both with their size fields, as
    TPM2_ActivateCredential takes them.
    """

    enrolment_id: str
    id_object: bytes
    secret: bytes
    expires_at: datetime.datetime

    def to_dict(self) -> dict[str, Any]:
        """Return the challenge as a JSON object."""
        return {"enrolment_id": self.enrolment_id,
                "id_object": encoding.b64(self.id_object),
                "secret": encoding.b64(self.secret),
                "expires_at": encoding.timestamp(self.expires_at)}

    @classmethod
    def from_dict(cls, value: Any) -> CredentialChallenge:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "credential", "enrolment_id", "id_object",
                            "secret", "expires_at")
        return cls(encoding.text(v["enrolment_id"], "enrolment_id"),
                   encoding.unb64(v["id_object"], "id_object"),
                   encoding.unb64(v["secret"], "secret"),
                   encoding.untimestamp(v["expires_at"], "expires_at"))


def activation_proof(credential: bytes, enrolment_id: str) -> bytes:
    """Prove knowledge of the activated credential without sending it."""
    return hmac.digest(
        credential, b"trusted-launch-activation-1\0" + enrolment_id.encode(),
        hashlib.sha256)
