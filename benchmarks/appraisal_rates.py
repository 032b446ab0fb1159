# SPDX-License-Identifier: Apache-2.0
"""Rates beside each other: the project's, Keylime's, the limit."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
KEYLIME = "NTL_KEYLIME_PYTHON"


class Keylime:
    """Keylime in its own environment, asked job by job; or nobody."""

    def __init__(self) -> None:
        self._child = None
        if KEYLIME in os.environ:
            self._child = subprocess.Popen(  # noqa: S603
                [os.environ[KEYLIME], str(HERE / "keylime/appraisal.py")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True)

    def __call__(self, **job: Any) -> float | None:
        """Return the seconds of Keylime's best turn."""
        if self._child is None:
            return None
        assert self._child.stdin and self._child.stdout
        print(json.dumps(job), file=self._child.stdin, flush=True)
        return float(self._child.stdout.readline())


class Table:
    """Prints rates beside each other, and remembers missed targets."""

    def __init__(self) -> None:
        self.missed = False
        print(f"{'a second':38} {'project':>9} {'Keylime':>8} {'limit':>8} "
              f"{'ratio':>7} {'target':>7}")

    def row(self, what: str, seconds: float, keylime: float | None,
            limit: float | None, target: float | None) -> None:
        """Print one; the target is how often Keylime's rate."""
        ratio = keylime / seconds if keylime else None
        self.missed |= bool(ratio and target and ratio < target)
        print(f"{what:38} {1 / seconds:9.0f} {_number(keylime):>8} "
              f"{_number(limit):>8} "
              f"{f'{ratio:.1f} x' if ratio else '-':>7} "
              f"{f'{target:.0f} x' if target else '':>7}", flush=True)

    def absolute(self, what: str, seconds: float, keylime: float | None,
                 target: float) -> None:
        """Print one whose target is a rate."""
        self.missed |= 1 / seconds < target
        print(f"{what:38} {1 / seconds:9.0f} {_number(keylime):>8} "
              f"{'':>8} {'':>7} {target:7.0f}", flush=True)


def _number(seconds: float | None) -> str:
    return f"{1 / seconds:.1f}" if seconds else "-"
