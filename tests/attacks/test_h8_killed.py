# SPDX-License-Identifier: Apache-2.0
"""H8: the service is killed in the middle of a release."""

from __future__ import annotations

import pytest

from attestation_service import records as r
from attestation_service.core import errors


@pytest.fixture
def host(cloud):
    return cloud.host()


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(1, 4))
@pytest.mark.parametrize("when", ["before", "after"])
def test_h8_service_killed_at_every_step_of_a_release(
        cloud, host, monkeypatch, step, when):
    key = cloud.key(launches=1)
    asked = host.ask(profile="gold", key_id=key.id)
    evidence = asked.evidence()
    unit, count = cloud.store.unit, 0

    class Dying:
        def __init__(self):
            self.inner = unit()

        def __enter__(self):
            nonlocal count
            count += 1
            if count == step and when == "before":
                raise Killed
            return self.inner.__enter__()

        def __exit__(self, *exc):
            self.inner.__exit__(*exc)
            if count == step and when == "after":
                raise Killed

    monkeypatch.setattr(cloud.store, "unit", Dying)
    with pytest.raises(Killed):
        cloud.flows.answer_release(asked.release.id, evidence, "agents",
                                   cloud.clock())
    monkeypatch.undo()
    tables = cloud.store.tables
    granted = asked.kept.state is r.ReleaseState.GRANTED
    assert granted == (step == 3 and when == "after")
    # No receipt without a grant, no grant without a receipt.
    assert tables.log.size() == granted
    assert ("vm-1" in tables.leases.rows) == granted
    assert tables.keys.rows[key.id].launches_used == granted
    if (step, when) != (1, "before"):
        with pytest.raises(errors.StaleEvidence):
            cloud.flows.answer_release(asked.release.id, evidence, "agents",
                                       cloud.clock())
    if not granted:
        host.release(profile="gold", key_id=key.id)
    assert tables.log.size() == 1
