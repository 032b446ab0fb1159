# SPDX-License-Identifier: Apache-2.0
"""The evidence envelope that an Attester sends: opaque blobs, unproven.

Only the Verifier takes the blobs apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.digests import PcrBank

MAX_EVIDENCE = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Evidence:
    """One answer to one challenge.

    ``quote`` is a TPMS_ATTEST, ``signature`` a TPMT_SIGNATURE, ``pcrs`` the
    values the quote covers, ``boot_log`` the TCG event log and ``ima_log`` the
    IMA measurement list from byte ``ima_offset`` on; None where the host has
    none.
    """

    attester_id: str
    nonce: bytes
    quote: bytes
    signature: bytes
    pcrs: PcrBank
    boot_log: bytes | None = None
    ima_log: bytes | None = None
    ima_offset: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the envelope as a JSON object."""
        return {"attester_id": self.attester_id,
                "nonce": encoding.b64(self.nonce),
                "quote": encoding.b64(self.quote),
                "signature": encoding.b64(self.signature),
                "pcrs": self.pcrs.to_dict(),
                "boot_log": _optional_b64(self.boot_log),
                "ima_log": _optional_b64(self.ima_log),
                "ima_offset": self.ima_offset}

    @classmethod
    def from_dict(cls, value: Any) -> Evidence:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "evidence", "attester_id", "nonce",
                            "quote", "signature", "pcrs", "boot_log",
                            "ima_log", "ima_offset")
        return cls(encoding.text(v["attester_id"], "attester_id"),
                   encoding.unb64(v["nonce"], "nonce"),
                   encoding.unb64(v["quote"], "quote"),
                   encoding.unb64(v["signature"], "signature"),
                   PcrBank.from_dict(v["pcrs"]),
                   _optional_unb64(v["boot_log"], "boot_log"),
                   _optional_unb64(v["ima_log"], "ima_log"),
                   encoding.number(v["ima_offset"], "ima_offset"))

    @classmethod
    def from_bytes(cls, data: bytes, *,
                   max_size: int = MAX_EVIDENCE) -> Evidence:
        """Read the JSON text of an envelope.

        :raises WireError: it is anything else.
        """
        return cls.from_dict(encoding.loads(data, max_size=max_size))


def _optional_b64(data: bytes | None) -> str | None:
    return None if data is None else encoding.b64(data)


def _optional_unb64(value: Any, what: str) -> bytes | None:
    return None if value is None else encoding.unb64(value, what)
