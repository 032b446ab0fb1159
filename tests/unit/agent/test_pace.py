# SPDX-License-Identifier: Apache-2.0
"""When to attest next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_trusted_launch.agent.pace import Mood, Pace

PACE = Pace(interval=300, retry=5, waiting=30, jitter=0.2)


@pytest.mark.parametrize("mood, failures, lifetime, expected", [
    (Mood.WELL, 0, None, 300),
    (Mood.WELL, 0, 100, 50),
    (Mood.WELL, 0, 10000, 300),
    (Mood.FAILED, 1, None, 5),
    (Mood.FAILED, 2, None, 10),
    (Mood.FAILED, 5, None, 80),
    (Mood.FAILED, 9, None, 300),
    (Mood.WAITING, 0, None, 30),
])
def test_pause(mood, failures, lifetime, expected):
    assert PACE.pause(mood, failures, 0, lifetime) == expected


@given(st.sampled_from(Mood), st.integers(0, 10 ** 6), st.floats(0, 1),
       st.none() | st.floats(0, 10 ** 6))
def test_pause_is_within_bounds(mood, failures, chance, lifetime):
    assert 1 <= PACE.pause(mood, failures, chance, lifetime) <= 300


def test_chance_spreads_hosts():
    assert PACE.pause(Mood.WELL, 0, 1) == pytest.approx(240)
    assert PACE.first(1) == 1
