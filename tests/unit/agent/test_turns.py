# SPDX-License-Identifier: Apache-2.0
"""Turns at the TPM: one at a time, urgent ones first."""

from __future__ import annotations

import threading
import time

from nova_trusted_launch.agent.turns import Turns


def test_urgent_goes_before_routine_that_came_earlier():
    turns, order, threads = Turns(), [], []

    def want(name: str, urgent: bool) -> None:
        with turns.take(urgent=urgent):
            order.append(name)

    with turns.take():
        for name, urgent in (("routine", False), ("late", False),
                             ("release", True), ("release 2", True)):
            thread = threading.Thread(target=want, args=(name, urgent))
            thread.start()
            threads.append(thread)
            waiting = turns._urgent if urgent else turns._routine
            while not waiting:
                time.sleep(0.001)
            time.sleep(0.02)
    for thread in threads:
        thread.join(5)
    assert order == ["release", "release 2", "routine", "late"]


def test_never_two_at_once():
    turns, inside, most = Turns(), [], []

    def work(urgent: bool) -> None:
        for _ in range(50):
            with turns.take(urgent=urgent):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work, args=(n % 2 == 0,))
               for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(most) == 300
    assert set(most) == {1}


def test_failure_gives_the_turn_back():
    turns = Turns()
    for _ in range(3):
        try:
            with turns.take(urgent=True):
                raise ValueError
        except ValueError:
            pass
    with turns.take():
        pass
