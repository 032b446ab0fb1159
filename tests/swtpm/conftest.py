# SPDX-License-Identifier: Apache-2.0
"""Fixtures over real software TPMs."""

from __future__ import annotations

import pytest

from tests.fixtures import swtpm
from tests.swtpm.real import RealTpm


@pytest.fixture(scope="module")
def tpms(tmp_path_factory):
    """Two real TPMs of one maker; a test leaves no session in them."""
    folder = tmp_path_factory.mktemp("tpms")
    with (swtpm.running(folder / "a", ca=folder / "ca", name="host-a") as a,
          swtpm.running(folder / "b", ca=folder / "ca", name="host-b") as b):
        yield a, b


@pytest.fixture
def tpm(tpms):
    """The first of them, opened."""
    with RealTpm(tpms[0].tcti) as opened:
        yield opened
