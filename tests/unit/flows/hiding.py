# SPDX-License-Identifier: Apache-2.0
"""What a project may not know of is unknown to it."""

from __future__ import annotations

import pytest

from attestation_service.core import errors


def unknown(code, call, *args):
    with pytest.raises(errors.Unknown) as caught:
        call(*args)
    assert caught.value.code is code
