# SPDX-License-Identifier: Apache-2.0
"""Search what outlives a host's power for what ought to be encrypted."""

from __future__ import annotations

import pathlib
import re
import subprocess
from collections.abc import Iterable

from tools.cloud import lab

_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def storage() -> list[pathlib.Path]:
    """Return all that outlives a host's power: disks, caches, Glance."""
    return [*(lab.place(host, part) for host in lab.HOSTS
              for part in ("var", "etc", "agent")), lab.CLOUD / "glance"]


def files_with(text: str, places: Iterable[pathlib.Path]) -> list[str]:
    """Return the files that hold ``text``, as grep finds them."""
    found = subprocess.run(
        ["grep", "-rlaF", "-D", "skip", "-f", "-", "--",
         *(str(p) for p in places if p.exists())],
        input=text, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, check=False)
    return found.stdout.split("\n")[:-1]


def visible(image: pathlib.Path) -> str:
    """Return a text of an encrypted image that is in the clear: its LUKS id.

    Whoever searches the hosts for plaintext must find at least this.
    """
    with image.open("rb") as file:
        found = _UUID.search(file.read(1 << 20))
    if found is None:
        raise lab.NotSo(f"{image} is not encrypted")
    return found[0].decode("ascii")
