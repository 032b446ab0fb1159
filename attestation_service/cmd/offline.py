# SPDX-License-Identifier: Apache-2.0
"""What the subcommands of ``attestation-verify`` share: files and reports."""

from __future__ import annotations

import argparse
import pathlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from attestation_service.core.errors import (
    MalformedEvidence,
    OversizedEvidence,
    Refusal,
)
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError

MAX_FILE = 1024 * 1024
_GZIP = b"\x1f\x8b"


class UsageError(Exception):
    """The command makes no sense as it was given."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was proven: ``fields`` for ``--json``, ``lines`` for people.

    ``refusal`` says why it is nevertheless not a yes.
    """

    fields: Mapping[str, Any]
    lines: Sequence[str]
    refusal: Refusal | None = None


class Subcommand(Protocol):
    """A module that judges one kind of file."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the subcommand's own arguments."""

    def run(self, args: argparse.Namespace) -> Report:
        """Judge the files.

        :raises Refusal: they do not prove what they should.
        :raises MalformedEvidence: a file is not what it should be.
        :raises UsageError: the arguments make no sense.
        """


def read_file(path: str, *, max_size: int = MAX_FILE) -> bytes:
    """Read a file whole, within bounds.

    :raises UsageError: it cannot be read, or is larger than anything of its
        kind.
    """
    try:
        with pathlib.Path(path).open("rb") as file:
            data = file.read(max_size + 1)
    except OSError as exc:
        raise UsageError(f"{path}: {exc.strerror}") from exc
    if len(data) > max_size:
        raise UsageError(f"{path}: larger than {max_size} bytes")
    return data


def read_log(path: str, *, max_size: int) -> bytes:
    """Read a log, also one that was compressed with gzip.

    A small file must not become an endless one.

    :raises OversizedEvidence: it is longer than ``max_size``.
    :raises MalformedEvidence: it is not what gzip makes.
    :raises UsageError: it cannot be read.
    """
    data = read_file(path, max_size=max_size)
    if not data.startswith(_GZIP):
        return data
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        data = unzip.decompress(data, max_size)
    except zlib.error as exc:
        raise MalformedEvidence(f"{path}: not what gzip makes") from exc
    if unzip.unconsumed_tail:
        raise OversizedEvidence(f"{path}: longer than {max_size} bytes")
    if not unzip.eof:
        raise MalformedEvidence(f"{path}: cut short")
    return data


def read_json(path: str, *, max_size: int = MAX_FILE) -> Any:
    """Read a JSON file.

    :raises MalformedEvidence: it is not strict JSON.
    :raises UsageError: it cannot be read.
    """
    try:
        return encoding.loads(read_file(path, max_size=max_size),
                              max_size=max_size)
    except WireError as exc:
        raise MalformedEvidence(f"{path}: {exc}") from exc


def parse_hex(text: str, what: str) -> bytes:
    """Read hex of either case, as people type and tools print it.

    :raises UsageError: it is empty or anything else.
    """
    digits = text.strip().lower().removeprefix("0x")
    try:
        data = encoding.unhex(digits, what)
    except WireError as exc:
        raise UsageError(str(exc)) from exc
    if not data:
        raise UsageError(f"{what}: empty")
    return data
