# SPDX-License-Identifier: Apache-2.0
"""The served application killed (-9) under load, a few times.

``tools/crash_test.py`` does the same as often as one likes.
"""

from __future__ import annotations

import random

from tests.crash import rounds

KILLS = 3


def test_h8_the_service_killed_while_hosts_are_at_it(tmp_path):
    count = rounds.run(tmp_path, f"sqlite:///{tmp_path}/service.sqlite",
                       KILLS, random.Random(8))
    assert count.kills == KILLS
    assert count.replays
