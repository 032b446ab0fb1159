# SPDX-License-Identifier: Apache-2.0
"""Start a fuzzer with what is known, in the folder it was told to use."""

from __future__ import annotations

import gzip
import hashlib
import pathlib

from tests.fakes import logs


def plant(argv, files, max_size=65536):
    """Copy ``files`` into the first folder on the command line."""
    folders = [a for a in argv[1:] if not a.startswith("-")]
    if not folders:
        return
    target = pathlib.Path(folders[0])
    target.mkdir(parents=True, exist_ok=True)
    for path in files:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        for part in {data[:max_size], data[:2048]}:
            name = hashlib.sha256(part).hexdigest()[:16]
            (target / name).write_bytes(part)


def boot_logs():
    return [*logs.VECTORS.glob("boot-logs/**/*.bin"),
            *logs.VECTORS.glob("hosts/*/bios_measurements"),
            *logs.VECTORS.glob("faults/*/boot_log")]


def ima_lists():
    return [*logs.VECTORS.glob("hosts/*/ima_*"),
            *logs.VECTORS.glob("faults/*/ima_list")]
