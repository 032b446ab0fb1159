# SPDX-License-Identifier: Apache-2.0
"""Say what UEFI Secure Boot did, from the events of register 7.

In: :class:`ReplayedEvents`.  Out: :class:`SecureBoot`.  Nobody measures an
event's type, so anything that does not belong into register 7 could be
something that was relabelled: the state is then undecided, with the reason.

Not decided here: which keys are acceptable (``core.policy``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from attestation_service.core.bootlog import efi
from attestation_service.core.bootlog.event_types import EventType
from attestation_service.core.bootlog.replay import (
    ReplayedEvent,
    ReplayedEvents,
)
from attestation_service.core.errors import MalformedEvidence

REGISTER = 7
_SEPARATORS = (b"\0\0\0\0", b"\xff\xff\xff\xff")
_DEBUGGER = b"UEFI Debug Mode"
_NO_DMA_PROTECTION = b"DMA Protection Disabled"
_DATABASES = {
    "PK": efi.GLOBAL_VARIABLE,
    "KEK": efi.GLOBAL_VARIABLE,
    "db": efi.SECURITY_DATABASE,
    "dbx": efi.SECURITY_DATABASE,
}


@dataclass(frozen=True, slots=True)
class Authority:
    """What let an image run: a certificate, a digest or a policy of shim."""

    number: int
    # The variable that held it: db, MokListRT, Shim, SbatLevel, ...
    variable: str
    signature: efi.Signature | None
    data: bytes
    before_separator: bool


@dataclass(frozen=True, slots=True)
class SecureBoot:
    """The state of Secure Boot in the boot that was quoted."""

    # None: it cannot be told, for the reason in `undecided`.
    enabled: bool | None
    undecided: str
    databases: Mapping[str, tuple[efi.Signature, ...]]
    authorities: tuple[Authority, ...]
    # Shim was not told to load anything (mokutil --disable-validation).
    shim_validates: bool
    # The firmware does not say that devices could write to its memory.
    dma_protection: bool


def secure_boot(events: ReplayedEvents) -> SecureBoot:
    """Read the state of Secure Boot.

    It is undecided when

    1. register 7 is not proven;
    2. an event is of a type, or an action of a name, that does not belong
       there, or its data is not what was measured;
    3. there is not exactly one separator;
    4. a configuration variable comes after it, twice, or unreadable;
    5. SecureBoot is missing or neither 0 nor 1;
    6. it is 1 although PK, KEK or db is empty, or nothing was authorised;
    7. a firmware debugger was attached.
    """
    state = _State()
    try:
        if REGISTER not in events.proven:
            raise _Undecided(f"register {REGISTER} is not proven by the log")
        for event in events.of(REGISTER):
            state.take(event)
        return state.result()
    except _Undecided as exc:
        return SecureBoot(
            None, str(exc), state.databases, tuple(state.authorities),
            state.shim_validates, state.dma_protection)


class _Undecided(Exception):
    """Why the state cannot be told."""


class _State:
    """What was seen so far."""

    def __init__(self) -> None:
        self.separated = False
        self.variables: dict[tuple[bytes, str], bytes] = {}
        self.databases: dict[str, tuple[efi.Signature, ...]] = {}
        self.authorities: list[Authority] = []
        self.shim_validates = True
        self.dma_protection = True

    def take(self, event: ReplayedEvent) -> None:
        """Account for one event of register 7."""
        if event.measured is None:
            raise _Undecided(
                f"event {event.number} ({event.type_name}) carries no "
                f"measured data")
        take = _TAKERS.get(event.claimed_type)
        if take is None:
            raise _Undecided(
                f"event {event.number} is of type {event.type_name}, "
                f"which does not belong into register {REGISTER}")
        take(self, event.number, event.measured)

    def _separator(self, number: int, data: bytes) -> None:
        if self.separated:
            raise _Undecided(f"event {number} is a second separator")
        if data not in _SEPARATORS:
            raise _Undecided(f"event {number} is no proper separator")
        self.separated = True

    def _action(self, number: int, data: bytes) -> None:
        if data == _DEBUGGER:
            raise _Undecided("a firmware debugger was attached")
        if data != _NO_DMA_PROTECTION:
            raise _Undecided(f"event {number} is an unknown action")
        self.dma_protection = False

    def _configuration(self, number: int, data: bytes) -> None:
        variable = _variable(number, data)
        if self.separated:
            raise _Undecided(
                f"event {number} sets {variable.name!r} after the separator")
        key = variable.vendor, variable.name
        if key in self.variables:
            raise _Undecided(
                f"event {number} measures {variable.name!r} again")
        self.variables[key] = variable.data
        if _DATABASES.get(variable.name) == variable.vendor:
            try:
                self.databases[variable.name] = efi.signature_database(
                    variable.data)
            except MalformedEvidence as exc:
                raise _Undecided(f"event {number}: {exc}") from exc

    def _authority(self, number: int, data: bytes) -> None:
        variable = _variable(number, data)
        if (variable.name, variable.vendor) == ("MokSBState", efi.SHIM_LOCK):
            # One byte; anything but 0 switches shim's validation off.
            self.shim_validates = not any(variable.data)
        self.authorities.append(Authority(
            number, variable.name, efi.authority(variable.data),
            variable.data, not self.separated))

    def result(self) -> SecureBoot:
        """Draw the conclusion."""
        if not self.separated:
            raise _Undecided(f"register {REGISTER} has no separator")
        value = self.variables.get((efi.GLOBAL_VARIABLE, "SecureBoot"))
        if value is None:
            raise _Undecided("the variable SecureBoot was not measured")
        # A variable that does not exist is measured with no contents.
        if value not in (b"", b"\0", b"\1"):
            raise _Undecided("the variable SecureBoot is neither 0 nor 1")
        enabled = value == b"\1"
        if enabled:
            for name in ("PK", "KEK", "db"):
                if not self.databases.get(name):
                    raise _Undecided(f"SecureBoot is 1 and {name} is empty")
            if not any(a.signature for a in self.authorities):
                raise _Undecided("SecureBoot is 1 and nothing was authorised")
        return SecureBoot(
            enabled, "", self.databases, tuple(self.authorities),
            self.shim_validates, self.dma_protection)


# What belongs into register 7, and who reads it.
_TAKERS: Mapping[int, Callable[[_State, int, bytes], None]] = {
    EventType.SEPARATOR: _State._separator,
    EventType.EFI_ACTION: _State._action,
    EventType.EFI_VARIABLE_DRIVER_CONFIG: _State._configuration,
    EventType.EFI_VARIABLE_AUTHORITY: _State._authority,
}


def _variable(number: int, data: bytes) -> efi.Variable:
    try:
        return efi.Variable.parse(data)
    except MalformedEvidence as exc:
        raise _Undecided(f"event {number}: {exc}") from exc
