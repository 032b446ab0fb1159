# SPDX-License-Identifier: Apache-2.0
"""Run qemu-img with keys that travel through a pipe only.

A key is in no command line, environment or file: the child inherits the
reading end of a pipe that holds it and reads it once.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO

_PERCENT = re.compile(rb"\((\d+(?:\.\d+)?)/100%\)")
PROGRAM = "qemu-img"


class QemuError(RuntimeError):
    """qemu-img failed; the text is its own last line, without keys."""


def options(values: Mapping[str, str]) -> str:
    """Write QEMU's ``key=value,...``; commas in values are doubled."""
    return ",".join(f"{key}={value.replace(',', ',,')}"
                    for key, value in values.items())


def encrypted(path: str, secret: str) -> str:
    """Describe an encrypted qcow2 file for ``--image-opts``."""
    return options({"driver": "qcow2", "file.driver": "file",
                    "file.filename": path, "encrypt.key-secret": secret})


@contextlib.contextmanager
def _pipes(secrets: Mapping[str, bytes]) -> Iterator[dict[str, int]]:
    opened: dict[str, int] = {}
    try:
        for name, value in secrets.items():
            # Far below a pipe's capacity, so this never blocks.
            reading, writing = os.pipe()
            opened[name] = reading
            try:
                os.write(writing, value)
            finally:
                os.close(writing)
        yield opened
    finally:
        for descriptor in opened.values():
            os.close(descriptor)


def run(command: str, arguments: Sequence[str], *,
        secrets: Mapping[str, bytes] | None = None,
        progress: Callable[[float], None] | None = None) -> None:
    """Run ``qemu-img command``; ``secrets`` are named in the arguments.

    ``progress`` is called with fractions (up to 1.0) when the command has
    ``-p``.

    :raises QemuError: it is not installed, or failed.
    """
    with _pipes(secrets or {}) as pipes:
        objects = [part for name, fd in pipes.items() for part in (
            "--object", f"secret,id={name},file=/dev/fd/{fd}")]
        try:
            child = subprocess.Popen(
                [PROGRAM, command, *objects, *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, pass_fds=list(pipes.values()))
        except OSError as exc:
            raise QemuError(
                f"{PROGRAM} cannot be run ({exc.strerror}); "
                "it comes with QEMU (qemu-utils)") from exc
        with child:
            assert child.stdout and child.stderr
            try:
                _report(child.stdout, progress)
                error = child.stderr.read()
            except BaseException:
                child.kill()
                raise
    if child.returncode:
        lines = error.decode("utf-8", "replace").strip().splitlines()
        raise QemuError(lines[-1] if lines else
                        f"{PROGRAM} ended with {child.returncode}")


def _report(output: IO[bytes],
            progress: Callable[[float], None] | None) -> None:
    tail = b""
    while chunk := os.read(output.fileno(), 4096):
        tail = (tail + chunk)[-64:]
        found = _PERCENT.findall(tail)
        if found and progress:
            progress(float(found[-1]) / 100)
