# SPDX-License-Identifier: Apache-2.0
"""Faults as folders: what an attacker sends, and what must come of it."""

from __future__ import annotations

import json

from tests.fakes import logs

HOST = logs.VECTORS / "hosts" / "sb-tcg"
UNAUTHENTIC, MALFORMED = "evidence.unauthentic", "evidence.malformed"


class Writer:
    """Writes one folder for each fault."""

    def __init__(self, target):
        self.target = target

    def _write(self, name, said, values, file, data):
        folder = self.target / name
        folder.mkdir(parents=True)
        (folder / file).write_bytes(data)
        bank = {32: "sha256", 48: "sha384"}[len(next(iter(values.values())))]
        self._json(folder / "pcrs.json", {bank: {
            str(i): values[i].hex() for i in sorted(values)}})
        self._json(folder / "expected.json", said)

    @staticmethod
    def _json(path, value):
        path.write_text(json.dumps(value, indent=1) + "\n")

    def boot(self, name, attack, what, log, values=None, **outcome):
        """A boot log; ``values`` are those of the log itself if None."""
        data = log if isinstance(log, bytes) else log.dump()
        self._write(name, {"attack": attack, "what": what, **outcome},
                    values or log.pcrs().values, "boot_log", data)

    def ima(self, name, attack, what, files, values, **outcome):
        """An IMA list."""
        data = files if isinstance(files, bytes) else files.dump()
        self._write(name, {"attack": attack, "what": what, **outcome},
                    values, "ima_list", data)
