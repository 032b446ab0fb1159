# SPDX-License-Identifier: Apache-2.0
"""A list with two files that somebody vouches for."""

from __future__ import annotations

import pytest

from tests.fakes import logs
from tests.unit.core.ima.judged import aggregate


@pytest.fixture
def files():
    return logs.ImaList([
        aggregate(), logs.ima_file("/bin/a", b"a"),
        logs.ima_file("/bin/b", b"b", template="ima-sig")])
