# SPDX-License-Identifier: Apache-2.0
"""Reference values: known digests and what they may stand for."""

from __future__ import annotations

import pytest

from attestation_service.core import errors
from attestation_service.core.policy.reference_values import ReferenceValues

D1, D2 = b"\1" * 32, b"\2" * 48


def test_a_digest_stands_for_its_names_only():
    known = ReferenceValues.parse(
        "base", "ima", {D1.hex(): ["/bin/a", "/bin/b"], D2.hex(): []})
    assert known.holds(D1, "/bin/a")
    assert known.holds(D1, "/bin/b")
    assert not known.holds(D1, "/bin/c")
    assert not known.holds(b"\3" * 32, "/bin/a")


def test_a_digest_without_names_stands_for_any():
    known = ReferenceValues.parse("base", "digest", {D2.hex(): []})
    assert known.holds(D2, "anything")
    assert not known.holds(D1, "anything")


@pytest.mark.parametrize(("kind", "values", "why"), [
    ("ima", {}, "empty set"),
    ("sha256", {D1.hex(): []}, "kind 'sha256'"),
    ("ima", [D1.hex()], "an object"),
    ("ima", {D1.hex().upper().replace("0", "A"): []}, "lower-case hex"),
    ("ima", {"ab" * 20: []}, "not a SHA-256"),
    ("ima", {"": []}, "not a SHA-256"),
    ("ima", {7: []}, "lower-case hex"),
    ("ima", {D1.hex(): "/bin/a"}, "a list of names"),
    ("ima", {D1.hex(): ["/bin/a", 7]}, "a list of names"),
    ("ima", {D1.hex(): [""]}, "a list of names"),
    ("ima", {D1.hex(): ["x" * 4097]}, "a list of names"),
    ("ima", {D1.hex(): None}, "a list of names"),
])
def test_a_wrong_set_is_refused(kind, values, why):
    with pytest.raises(errors.Invalid, match=why):
        ReferenceValues.parse("base", kind, values)


def test_the_longest_name_and_the_shortest():
    ReferenceValues.parse("base", "ima", {D1.hex(): ["x" * 4096, "x"]})
