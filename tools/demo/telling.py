# SPDX-License-Identifier: Apache-2.0
"""How the demonstration speaks: chapters, commands, expectations.

In: what is done and what has to be true.  Out: text for a person, and the
number of expectations that did not hold.
"""

from __future__ import annotations

import sys
import time


class Telling:
    """Prints at once, with the seconds since it began."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._colour = sys.stdout.isatty()
        self.held = 0
        self.failed: list[str] = []

    def chapter(self, text: str) -> None:
        """Begin a part of the story."""
        print(f"\n{self._mark('1', '== ' + text)}  ({self.seconds:.0f} s)",
              flush=True)

    def say(self, text: str) -> None:
        """Explain."""
        print(f"   {text}", flush=True)

    def waiting(self, text: str) -> None:
        """Tell what takes so long."""
        print(f"   ... {text}", flush=True)

    def command(self, text: str, *, who: str = "") -> None:
        """Show what a person would type for what happens next."""
        print(f"   {who}$ {self._mark('36', text)}", flush=True)

    def quote(self, text: str) -> None:
        """Show what a program printed."""
        for line in text.strip().splitlines():
            print(f"   | {line[:160]}", flush=True)

    def expect(self, what: str, holds: bool, detail: str = "") -> None:
        """State something that has to be true, and whether it is."""
        if holds:
            self.held += 1
            word = self._mark("32", "yes:")
        else:
            self.failed.append(what)
            word = self._mark("31", "NO: ")
        print(f"   {word} {what}{': ' + detail if detail else ''}",
              flush=True)

    @property
    def seconds(self) -> float:
        """How long the story has been told."""
        return time.monotonic() - self._began

    def _mark(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text
