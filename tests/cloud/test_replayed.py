# SPDX-License-Identifier: Apache-2.0
"""E6 and E10: what the service answered is good for one session of one TPM."""

from __future__ import annotations

import pytest

from tools.cloud import lab


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    return tmp_path_factory.mktemp("stolen") / "answer.json"


def test_e6_answer_replayed_to_the_same_host(cloud, power, answer):
    assert lab.replayed(power.host, power.server.id, answer) == {
        "in its session": "opened",
        "in another session": "seal.refused",
        "evidence again": "evidence.stale",
        "evidence for another release": "evidence.stale"}


def test_e10_answer_stolen_and_tried_on_another_host(cloud, power, answer):
    other = next(host for host in lab.HOSTS if host != power.host)
    assert lab.replayed(other, "-", answer) == {
        "on another host": "seal.refused"}
