# SPDX-License-Identifier: Apache-2.0
"""A made log, replayed against registers."""

from __future__ import annotations


import pytest

from attestation_service.core import errors
from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.replay import (
    replay,
)
from tests.fakes import logs

BOUND = [logs.EFI_ACTION, 5, logs.DRIVER_CONFIG, logs.VARIABLE_BOOT,
         0x8000000C, logs.AUTHORITY, logs.GPT, 0x8000000D]


def proven(log, pcrs=None, **options):
    """Replay a log against its own registers, or others."""
    return replay(tcg.parse(log.dump()), pcrs or log.pcrs(), **options)


def refused(log, pcrs=None, error=errors.UnauthenticEvidence, **options):
    """Return why a log is refused."""
    with pytest.raises(error) as caught:
        proven(log, pcrs, **options)
    assert type(caught.value) is error
    return str(caught.value)
