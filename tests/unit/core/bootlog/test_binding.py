# SPDX-License-Identifier: Apache-2.0
"""What was measured is told of every event whose data has to be measured."""

from __future__ import annotations

import pytest

from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.binding import require_data
from attestation_service.core.memo import Memo
from nova_trusted_launch.wire.digests import HashAlg
from tests.fakes import logs

VARIABLE = logs.variable(logs.GLOBAL, "Boot0001", b"contents")


@pytest.mark.parametrize("memo", [None, Memo(100)], ids=["alone", "memo"])
def test_what_was_measured_is_told_by_number(memo):
    log = logs.BootLog().add(4, logs.BOOT_APPLICATION, b"a label")
    log.add(4, logs.SEPARATOR, bytes(4))
    log.add(1, logs.VARIABLE_BOOT, VARIABLE)
    log.add(1, logs.VARIABLE_BOOT, VARIABLE, measured=b"contents")
    log.add(8, logs.IPL, b"grub_cmd: set a\0", measured=b"set a")
    log.add(9, logs.EFI_ACTION, b"not proven")
    for _ in range(2):
        assert require_data(
            tcg.parse(log.dump()), 0, HashAlg.SHA256,
            frozenset({1, 4, 8}), memo) == {
            1: bytes(4), 2: VARIABLE, 3: b"contents", 4: b"set a"}
