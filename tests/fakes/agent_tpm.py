# SPDX-License-Identifier: Apache-2.0
"""The agent's TPM port over the software TPM: truthful, and it counts."""

from __future__ import annotations

from typing import Any

from attestation_service.core.tpm.attestation_key import load_attestation_key
from nova_trusted_launch.agent.tpm import Endorsement, Quoted, SealRefused
from nova_trusted_launch.agent.tpm import TpmError
from nova_trusted_launch.wire.digests import PcrSelection
from nova_trusted_launch.wire.release import SealedKey
from tests.fakes import tpm as software


class PortedTpm:
    """A :class:`~nova_trusted_launch.agent.tpm.Tpm`.

    ``open_sessions`` and ``closed`` tell how it was left; ``broken`` makes
    every call fail; ``urgent`` holds what the quotes were asked with.
    """

    def __init__(self, chip: software.FakeTpm | None = None) -> None:
        self.chip = chip or software.FakeTpm()
        self.open_sessions = 0
        self.closed = False
        self.broken = False
        self.urgent: list[bool] = []
        self._keys: dict[bytes, Any] = {}

    def replace(self) -> None:
        """Put another TPM into the host."""
        self.chip = software.FakeTpm()
        self._keys.clear()

    def endorsement(self) -> Endorsement:
        self._work()
        return Endorsement(
            self.chip.parent_name, self.chip.ek_public,
            self.chip.ek_certificate, self.chip.intermediates)

    def ak_public(self, unique: bytes) -> bytes:
        self._use(unique)
        return self.chip.ak_public

    def activate(self, unique: bytes, id_object: bytes,
                 secret: bytes) -> bytes:
        self._use(unique)
        try:
            return self.chip.activate_credential(id_object, secret)
        except software.TpmRefused as exc:
            raise TpmError(str(exc)) from exc

    def quote(self, unique: bytes, qualifying: bytes,
              selection: PcrSelection, *, urgent: bool = False) -> Quoted:
        self._use(unique)
        self.urgent.append(urgent)
        attest, signature = self.chip.quote(qualifying, selection)
        return Quoted(attest, signature, self.chip.bank(selection.registers),
                      self.chip.reset_count)

    def policy_session(self) -> PortedSession:
        self._work()
        self.open_sessions += 1
        return PortedSession(self, self.chip.start_session())

    def close(self) -> None:
        self.closed = True

    def _work(self) -> None:
        if self.broken:
            raise TpmError("the TPM cannot be reached")

    def _use(self, unique: bytes) -> None:
        self._work()
        if unique not in self._keys:
            self._keys[unique] = software.new_key("p256")
        chip = self.chip
        chip._ak_key = self._keys[unique]
        chip.ak_public = software.public_area(
            chip._ak_key.public_key(), software.AK_ATTRIBUTES,
            scheme=bytes.fromhex("0018000b"))
        chip.ak = load_attestation_key(chip.ak_public)


class PortedSession:
    """A :class:`~nova_trusted_launch.agent.tpm.PolicySession`."""

    def __init__(self, tpm: PortedTpm, nonce: bytes) -> None:
        self._tpm, self.nonce = tpm, nonce
        self._open = True

    def unseal(self, sealed: SealedKey, release_id: str) -> bytearray:
        try:
            return bytearray(self._tpm.chip.unseal(sealed, release_id,
                                                   self.nonce))
        except (software.TpmRefused, AssertionError) as exc:
            raise SealRefused(str(exc)) from exc

    def close(self) -> None:
        if self._open:
            self._open = False
            self._tpm.open_sessions -= 1
