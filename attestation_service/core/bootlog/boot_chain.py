# SPDX-License-Identifier: Apache-2.0
"""Say what was loaded on the way to the operating system.

In: :class:`ReplayedEvents`.  Out: :class:`BootChain`.  What an event is comes
from its register and from bytes that its digest covers; what only the log
says is named ``claimed_...`` and is for people.

Not decided here: what may be loaded (``core.policy``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from attestation_service.core.bootlog import efi
from attestation_service.core.bootlog.event_types import EventType
from attestation_service.core.bootlog.replay import (
    ReplayedEvent,
    ReplayedEvents,
)
from attestation_service.core.errors import MalformedEvidence

_FIRMWARE, _CONFIGURATION, _DRIVERS, _BOOT_LOADER, _PARTITIONS = 0, 1, 2, 4, 5
_COMMANDS, _FILES, _KERNEL_CONFIG, _SHIM = 8, 9, 12, 14
_SEPARATORS = (b"\0\0\0\0", b"\xff\xff\xff\xff")
_NAME_LENGTH = 255
# Actions that the specification puts among the images in register 4.
_ACTIONS = frozenset((
    b"Calling EFI Application from Boot Option",
    b"Returning from EFI Application from Boot Option",
    b"Booting to Calling INT 19h", b"Booting BCV Device",
    b"BOOT ATTEMPTS OMITTED",
))


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something whose digest is proven and whose name is only claimed."""

    number: int
    register: int
    digest: bytes
    claimed_name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string that the boot loader measured, proven to the last byte."""

    number: int
    register: int
    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """An EFI variable of the platform's configuration.

    With ``name_proven`` false only the contents were measured.
    """

    number: int
    claimed_name: str
    name_proven: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class BootChain:
    """What was measured from reset to the kernel, in order."""

    firmware_version: str | None
    firmware: tuple[Measurement, ...]
    # Option ROMs and EFI drivers.
    drivers: tuple[Measurement, ...]
    # EFI applications: shim, GRUB, a kernel; digests are Authenticode's.
    images: tuple[Measurement, ...]
    # Files GRUB read (kernel and initrd among them), initrds of the EFI stub.
    files: tuple[Measurement, ...]
    # Shim's databases of machine owner keys.
    machine_owner: tuple[Measurement, ...]
    # Everything GRUB executed.
    commands: tuple[Text, ...]
    command_lines: tuple[Text, ...]
    # Events where command lines belong, whose text is not proven: with one
    # of these a command line may be missing above.
    unreadable: tuple[Measurement, ...]
    variables: tuple[Variable, ...]
    partitions: efi.PartitionTable | None


def boot_chain(events: ReplayedEvents) -> BootChain:
    """Read the boot chain from all registers that are proven."""
    commands, command_lines, unreadable = _texts(events)
    version = next((
        printable(event.measured) for event in events.of(_FIRMWARE)
        if event.claimed_type == EventType.S_CRTM_VERSION
        and event.measured is not None), None)
    return BootChain(
        version,
        tuple(_measurements(events, _FIRMWARE)),
        tuple(_measurements(events, _DRIVERS)),
        tuple(_measurements(events, _BOOT_LOADER)),
        tuple(_measurements(events, _FILES)),
        tuple(_measurements(events, _SHIM)),
        commands,
        command_lines,
        unreadable,
        tuple(_variables(events)),
        _partitions(events))


def _measurements(events: ReplayedEvents,
                  register: int) -> Iterator[Measurement]:
    """Everything in a register but separators and well-known actions.

    Told by what was measured, because anybody can change a type.
    """
    for event in events.of(register):
        if event.measured in _SEPARATORS or event.measured in _ACTIONS:
            continue
        yield _measurement(event)


def _measurement(event: ReplayedEvent) -> Measurement:
    if event.register in (_DRIVERS, _BOOT_LOADER):
        name = efi.image_path(event.claimed_data) or ""
    elif event.claimed_type == EventType.EVENT_TAG:
        name = printable(event.claimed_data[8:])
    else:
        name = printable(event.claimed_data)
    return Measurement(event.number, event.register, event.digest, name)


def _texts(
    events: ReplayedEvents,
) -> tuple[tuple[Text, ...], tuple[Text, ...], tuple[Measurement, ...]]:
    """Return commands, command lines and what cannot be read.

    GRUB measures commands and command lines into one register and says only
    in the log which is which.  A command line starts with the kernel's path,
    which no GRUB command does.  systemd's loader and stub measure nothing
    but command lines, in UTF-16.
    """
    commands, lines, unreadable = [], [], []
    for event in events.of(_COMMANDS, _KERNEL_CONFIG):
        if event.measured is None:
            unreadable.append(_measurement(event))
            continue
        data = event.measured
        text = Text(event.number, event.register, _text(data))
        if event.register == _KERNEL_CONFIG or _is_wide(data) or (
                data.startswith((b"/", b"("))):
            lines.append(text)
        elif data not in _SEPARATORS:
            commands.append(text)
    return tuple(commands), tuple(lines), tuple(unreadable)


def _variables(events: ReplayedEvents) -> Iterator[Variable]:
    for event in events.of(_CONFIGURATION):
        if event.measured is None or event.claimed_type not in (
                EventType.EFI_VARIABLE_BOOT, EventType.EFI_VARIABLE_BOOT2,
                EventType.EFI_VARIABLE_DRIVER_CONFIG):
            continue
        try:
            variable = efi.Variable.parse(event.claimed_data)
        except MalformedEvidence:
            continue
        yield Variable(event.number, variable.name,
                       event.measured == event.claimed_data, variable.data)


def _partitions(events: ReplayedEvents) -> efi.PartitionTable | None:
    for event in events.of(_PARTITIONS):
        if event.measured is not None and event.claimed_type in (
                EventType.EFI_GPT_EVENT, EventType.EFI_GPT_EVENT2):
            try:
                return efi.PartitionTable.parse(event.measured)
            except MalformedEvidence:
                return None
    return None


def _is_wide(data: bytes) -> bool:
    """Say whether this is UTF-16 of a mostly Latin text."""
    return len(data) > 4 and data[1::2].count(0) * 2 > len(data[1::2])


def _text(data: bytes) -> str:
    """Decode text that was measured, losing nothing but final NULs."""
    encoding = "utf-16-le" if _is_wide(data) else "utf-8"
    return data.decode(encoding, "backslashreplace").rstrip("\0")


def printable(data: bytes) -> str:
    """Make a short name for people out of whatever stands there."""
    text = _text(data[:2 * _NAME_LENGTH])[:_NAME_LENGTH]
    return text if text.isprintable() else data[:_NAME_LENGTH].hex()
