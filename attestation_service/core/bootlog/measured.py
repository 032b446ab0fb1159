# SPDX-License-Identifier: Apache-2.0
"""Find which bytes of an event the TPM measured.

In: an event and its digest.  Out: the bytes that hash to the digest and how
they were chosen, or None: then the event's data is a label that anybody with
the log in hand can change.

Not decided here: whether the TPM saw the digest (``core.bootlog.replay``).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from attestation_service.core.bootlog.event_types import EventType


class Measured(NamedTuple):
    """Bytes that hash to an event's digest, and the form that says which."""

    data: bytes
    form: str


Hash = Callable[[bytes], Any]
_NOTHING: Mapping[bytes, bytes] = {}
# UEFI_VARIABLE_DATA: how many characters its name has, and bytes its contents.
_VARIABLE = struct.Struct("<16xQQ")


def _whole(data: bytes) -> bytes:
    return data


def _without_nul(data: bytes) -> bytes | None:
    return data[:-1] if data[-1:] == b"\0" else None


def _variable_contents(data: bytes) -> bytes | None:
    if len(data) < _VARIABLE.size:
        return None
    characters, size = _VARIABLE.unpack_from(data)
    start: int = _VARIABLE.size + 2 * characters
    return data[start:] if start + size == len(data) else None


def _without_last(data: bytes) -> bytes:
    return data[:-1]


# GRUB puts these before what it measured; Red Hat's leaves the colon out.
_GRUB_LABELS = frozenset((
    b"grub_cmd:", b"kernel_cmdline:", b"module_cmdline:",
    b"grub_cmd", b"grub_kernel_cmdline", b"grub_module_cmdline",
))


def _grub_text(data: bytes) -> bytes | None:
    """Return the string that the event says GRUB measured, if it does."""
    label, _, text = data.partition(b" ")
    return text if label in _GRUB_LABELS else None


def _grub_text_without_nul(data: bytes) -> bytes | None:
    label, _, text = data.partition(b" ")
    return text.removesuffix(b"\0") if label in _GRUB_LABELS else None


def _boot_variable(data: bytes) -> bytes:
    return _variable_contents(data) or data


def _with_nul(data: bytes) -> bytes | None:
    return data + b"\0" if len(data) % 2 else None


_Form = tuple[str, Callable[[bytes], bytes | None]]
_WHOLE: _Form = ("event", _whole)
_TEXT: _Form = ("text", _without_nul)
# EDK II measured only the contents until the specification changed its mind.
_CONTENTS: _Form = ("variable-contents", _variable_contents)
# Shim before 15.3 logs one byte more than it measures.
_SHIM: _Form = ("shim-extra-byte", _without_last)
_GRUB: _Form = ("grub-text", _grub_text_without_nul)
# Red Hat's GRUB measures the NUL behind a command, and none behind the
# kernel's command line.
_GRUB_NUL: _Form = ("grub-text-nul", _grub_text)
# systemd-boot before 250 logs one byte less of the UTF-16 than it measures.
_CUT: _Form = ("utf-16-cut", _with_nul)

# In which form the data of a type may be measured.
_FORMS: dict[int, tuple[_Form, ...]] = {
    int(EventType.EFI_VARIABLE_BOOT): (_CONTENTS, _WHOLE),
    int(EventType.EFI_VARIABLE_BOOT2): (_WHOLE, _CONTENTS),
    int(EventType.EFI_VARIABLE_AUTHORITY): (_WHOLE, _SHIM),
    int(EventType.IPL): (_GRUB, _GRUB_NUL, _WHOLE, _TEXT, _CUT),
}
_OTHERS: tuple[_Form, ...] = (_WHOLE, _TEXT)

# The types whose data is measured, by the specification: data that does not
# hash to the digest has been tampered with.
BOUND = frozenset(map(int, (
    EventType.SEPARATOR,
    EventType.ACTION,
    EventType.EFI_ACTION,
    EventType.EFI_VARIABLE_DRIVER_CONFIG,
    EventType.EFI_VARIABLE_BOOT,
    EventType.EFI_VARIABLE_BOOT2,
    EventType.EFI_VARIABLE_AUTHORITY,
    EventType.EFI_GPT_EVENT,
    EventType.EFI_GPT_EVENT2,
)))


# Which bytes of an event are measured as a rule, where its data must hash to
# its digest; of a boot loader's own events, those that name their text.
USUALLY: Mapping[int, Callable[[bytes], bytes | None]] = {
    **dict.fromkeys(BOUND, _whole),
    int(EventType.EFI_VARIABLE_BOOT): _boot_variable,
    int(EventType.IPL): _grub_text_without_nul,
}


def hash_named(name: str) -> Hash | None:
    """Return the constructor for a bank that is only looked at."""
    return getattr(hashlib, name, None) if name else None


def measured(event_type: int, data: bytes, digest: bytes, hash_: Hash,
             known: Mapping[bytes, bytes] = _NOTHING) -> Measured | None:
    """Return the bytes of ``data`` that hash to ``digest``, or None.

    ``known`` maps digests to the bytes that are known to hash to them.
    """
    before = known.get(digest)
    for form, select in _FORMS.get(event_type, _OTHERS):
        chosen = select(data)
        if chosen is not None and (
                hash_(chosen).digest() == digest if before is None
                else chosen == before):
            return Measured(chosen, form)
    return None
