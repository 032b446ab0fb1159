# SPDX-License-Identifier: Apache-2.0
"""Killed (-9) at any time: what was acknowledged is there, and whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.challenge import Purpose
from nova_trusted_launch.wire.receipts import leaf_hash, node_hash
from tests.contract import samples

KILLS = 6


def work_until_killed(url: str, prefix: str, seconds: float) -> list[str]:
    """Return what it said until it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.crash", url, prefix],
        stdout=subprocess.PIPE, text=True)
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    rest, _ = process.communicate()
    return [first.strip(), *rest.splitlines()]


def test_h8_killed_at_any_time_nothing_acknowledged_is_lost(url, sql_store):
    chance = random.Random(7)
    said: list[str] = []
    for kill in range(KILLS):
        said += work_until_killed(url, str(kill), chance.uniform(0.1, 0.5))
    done = {line.split()[1] for line in said if line.startswith("done")}
    assert done
    with sql_store.unit() as unit:
        size = unit.log.size()
        receipts = [unit.log.load(index) for index in range(size)]
        granted = {release.id: release.log_index
                   for release in unit.releases.list(r.Page(10 ** 6))
                   if release.state is r.ReleaseState.GRANTED}
        # Every receipt has its release and every release its receipt.
        assert granted == {a.release_id: a.index for a in receipts}
        assert {f"release-{name}" for name in done} <= set(granted)
        assert unit.results.sequence() == size
        _verify_nodes(unit.log, [leaf_hash(a.jwt) for a in receipts])
    spent = [line.split()[1] for line in said if line.startswith("spent")]
    for name in spent:
        with sql_store.unit() as unit, pytest.raises(errors.StaleEvidence):
            unit.challenges.spend(samples.challenge(name).nonce, "a1",
                                  Purpose.ATTEST)


def _verify_nodes(log, hashes):
    for level in range(len(hashes).bit_length()):
        for index, value in enumerate(hashes):
            assert log.node(level, index) == value
        hashes = [node_hash(*pair) for pair in zip(
            hashes[::2], hashes[1::2], strict=False)]
