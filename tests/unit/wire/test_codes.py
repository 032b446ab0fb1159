# SPDX-License-Identifier: Apache-2.0
"""Every code says what happened, and what to do about it."""

from __future__ import annotations

import re

import pytest

from nova_trusted_launch.wire.codes import Code


@pytest.mark.parametrize("code", Code, ids=str)
def test_a_code_has_a_title_and_an_advice(code):
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", str(code))
    assert code.value == str(code) and Code(str(code)) is code
    assert re.fullmatch(r"[A-Z][^.]+", code.title_text)
    assert re.fullmatch(r"[A-Z].+\.", code.action)
