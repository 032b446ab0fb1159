# SPDX-License-Identifier: Apache-2.0
"""What a body is refused for is named as it is written."""

from __future__ import annotations

import pytest

from attestation_service.api.schemas import Body
from attestation_service.core import errors

GOOD = {"attester_id": "a1", "nonce": "A" * 43, "quote": "AAAA",
        "signature": "AAAA", "pcrs": {"sha256": {
            str(register): "00" * 32 for register in range(24)}},
        "boot_log": None, "ima_log": None, "ima_offset": 0}


def test_good_evidence_is_of_the_schema():
    Body("Evidence").validate(GOOD)


@pytest.mark.parametrize("bank, told", [
    ({"0": "00" * 32, "24": "00" * 32}, "unknown field '24'"),
    ({"07": "00" * 32, "7": "00" * 32}, "unknown field '07'"),
    ({"7": "00" * 48}, "pcrs.sha256.7: has not the form"),
    ({"7": 7}, "pcrs.sha256.7: must be type string"),
    ({}, "pcrs.sha256: must satisfy minProperties 1")])
def test_a_register_is_named_by_its_number(bank, told):
    with pytest.raises(errors.Invalid, match=told):
        Body("Evidence").validate({**GOOD, "pcrs": {"sha256": bank}})
