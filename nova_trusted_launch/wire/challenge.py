# SPDX-License-Identifier: Apache-2.0
"""A challenge: what the Verifier asks a host's TPM to sign, once.

A nonce has exactly :data:`NONCE_SIZE` bytes and is good for one attester and
one purpose.
"""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.digests import PcrSelection
from nova_trusted_launch.wire.encoding import WireError

NONCE_SIZE = 32


class Purpose(enum.Enum):
    """What a challenge may be answered for."""

    ATTEST = "attest"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Challenge:
    """A nonce with the registers to quote and where to resume the IMA list.

    ``ima_offset`` counts bytes of the binary list the Verifier has already;
    0 asks for the whole list.  ``subject`` names what a release challenge is
    for (the release id); it is empty for attestation.
    """

    nonce: bytes
    attester_id: str
    purpose: Purpose
    selection: PcrSelection
    ima_offset: int
    expires_at: datetime.datetime
    subject: str = ""

    def __post_init__(self) -> None:
        if len(self.nonce) != NONCE_SIZE:
            raise WireError(f"a nonce has {NONCE_SIZE} bytes")

    def to_dict(self) -> dict[str, Any]:
        """Return the challenge as a JSON object."""
        return {"nonce": encoding.b64(self.nonce),
                "attester_id": self.attester_id,
                "purpose": self.purpose.value,
                "selection": self.selection.to_dict(),
                "ima_offset": self.ima_offset,
                "expires_at": encoding.timestamp(self.expires_at),
                "subject": self.subject}

    @classmethod
    def from_dict(cls, value: Any) -> Challenge:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "challenge", "nonce", "attester_id",
                            "purpose", "selection", "ima_offset",
                            "expires_at", "subject")
        if not isinstance(v["subject"], str):
            raise WireError("challenge: subject is a string")
        return cls(encoding.unb64(v["nonce"], "nonce"),
                   encoding.text(v["attester_id"], "attester_id"),
                   encoding.member(v["purpose"], Purpose, "purpose"),
                   PcrSelection.from_dict(v["selection"]),
                   encoding.number(v["ima_offset"], "ima_offset"),
                   encoding.untimestamp(v["expires_at"], "expires_at"),
                   v["subject"])
