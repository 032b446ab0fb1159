# SPDX-License-Identifier: Apache-2.0
"""A refusal after which nothing is released, nothing logged, nothing used.

What is refused of an answer is kept with its code.
"""

from __future__ import annotations

import contextlib

import pytest

from attestation_service import records as r
from attestation_service.core import errors


@contextlib.contextmanager
def refusing(cloud, code):
    """Expect a refusal after which nothing more is released than before."""
    logged = cloud.store.tables.log.size()
    leases = dict(cloud.store.tables.leases.rows)
    used = {k.id: k.launches_used for k in cloud.store.tables.keys.rows
            .values()}
    with pytest.raises(errors.Refusal) as caught:
        yield
    assert caught.value.code is code
    assert cloud.store.tables.log.size() == logged
    assert cloud.store.tables.leases.rows == leases
    assert {k.id: k.launches_used for k in cloud.store.tables.keys.rows
            .values()} == used


def refused(asked, code, **lies):
    with refusing(asked.host.cloud, code):
        asked.answer(**lies)
    assert asked.kept.state is r.ReleaseState.REFUSED
    assert asked.kept.code == str(code)
