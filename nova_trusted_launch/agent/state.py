# SPDX-License-Identifier: Apache-2.0
"""What the agent remembers between two starts: who it is.

The file holds no secret: the attestation key lives in the TPM and is made
again from ``unique``.  It is written whole or not at all.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.agent.tpm import UNIQUE_SIZE
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError

_FORMAT = 1
_MAX_SIZE = 4096


class StateError(Exception):
    """The state file cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An attestation key and what it is enrolled as.

    ``ak_name`` (hex) tells whether the TPM still makes the same key;
    ``attester_id`` is None until the enrolment is finished; ``reset_count``
    is that of the last quote the service accepted (None: none yet).
    """

    unique: bytes
    ak_name: str
    host: str
    attester_id: str | None = None
    reset_count: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the identity as a JSON object."""
        return {"format": _FORMAT, "unique": self.unique.hex(),
                "ak_name": self.ak_name, "host": self.host,
                "attester_id": self.attester_id,
                "reset_count": self.reset_count}

    @classmethod
    def from_dict(cls, value: Any) -> Identity:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "state", "format", "unique", "ak_name",
                            "host", "attester_id", "reset_count")
        if v["format"] != _FORMAT:
            raise WireError("written by another version of the agent")
        unique = encoding.unhex(v["unique"], "unique")
        if len(unique) != UNIQUE_SIZE:
            raise WireError(f"unique has {UNIQUE_SIZE} bytes")
        return cls(
            unique, encoding.text(v["ak_name"], "ak_name"),
            encoding.text(v["host"], "host"),
            None if v["attester_id"] is None
            else encoding.text(v["attester_id"], "attester_id"),
            None if v["reset_count"] is None
            else encoding.number(v["reset_count"], "reset_count"))


class StateFile:
    """The identity, kept in a file of mode 0600."""

    def __init__(self, path: str) -> None:
        self._path = path

    def load(self) -> Identity | None:
        """Return what was saved; None when nothing ever was.

        :raises StateError: there is something, but not what we wrote.
        """
        try:
            with open(self._path, "rb") as stream:
                data = stream.read(_MAX_SIZE + 1)
            return Identity.from_dict(
                encoding.loads(data, max_size=_MAX_SIZE))
        except FileNotFoundError:
            return None
        except (OSError, WireError) as exc:
            raise StateError(
                f"{self._path}: {exc}; remove it to enrol as a new attester "
                f"(an operator then has to retire the old one)") from exc

    def save(self, identity: Identity) -> None:
        """Write it down, durably.

        :raises StateError: it was not possible; the old state stands.
        """
        try:
            self._replace(encoding.canonical(identity.to_dict()))
        except OSError as exc:
            raise StateError(f"{self._path}: {exc}") from exc

    def forget(self) -> None:
        """Remove what was saved.

        :raises StateError: it was not possible.
        """
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            return
        except OSError as exc:
            raise StateError(f"{self._path}: {exc}") from exc

    def _replace(self, data: bytes) -> None:
        folder = os.path.dirname(os.path.abspath(self._path))
        os.makedirs(folder, mode=0o700, exist_ok=True)
        # mkstemp makes files of mode 0600.
        number, fresh = tempfile.mkstemp(prefix=".agent-", dir=folder)
        try:
            with os.fdopen(number, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(fresh, self._path)
        except BaseException:
            os.unlink(fresh)
            raise
        parent = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
