# SPDX-License-Identifier: Apache-2.0
"""The chapter about the service's answer, used again and elsewhere."""

from __future__ import annotations

import pathlib

from tools.cloud import lab
from tools.demo.telling import Telling


def tell(say: Telling, host: str, server: str, answer: pathlib.Path) -> None:
    """Use the service's answer a second time, and on another host."""
    say.chapter("Root of a host replays what the service answered")
    say.waiting("a release for the running server, as its agent asks")
    came = lab.replayed(host, server, answer)
    say.expect("in its TPM session the keys open",
               came["in its session"] == "opened")
    for what, code in list(came.items())[1:]:
        say.expect(f"{what}: refused", code != "opened", code)
    for other in lab.HOSTS:
        if other != host:
            came = lab.replayed(other, "-", answer)
            say.expect(f"stolen, in the TPM of {other}: refused",
                       "opened" not in came.values(),
                       came["on another host"])
    answer.unlink()
