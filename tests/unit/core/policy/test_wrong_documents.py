# SPDX-License-Identifier: Apache-2.0
"""Profile documents that are refused, and where they are wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core import errors
from attestation_service.core.policy import document, rules
from nova_trusted_launch.wire.codes import Code
from tests.unit.core.policy.documents import (
    HEX, HOUR, LABEL, one, parse, pcr, sets)

BAD = [
    # (document, pointer, part of the sentence)
    (None, "(document)", "an object is expected"),
    ([], "(document)", "an object is expected"),
    ({}, "(document)", "'schema' is missing"),
    ({"schema": 1}, "(document)", "'require' is missing"),
    ({"schema": 1, "require": [LABEL], "allow": 1}, "(document)",
     "'allow' is not known"),
    ({"schema": 2, "require": [LABEL]}, "/schema", "1..1"),
    ({"schema": 0, "require": [LABEL]}, "/schema", "1..1"),
    ({"schema": True, "require": [LABEL]}, "/schema", "1..1"),
    ({"schema": "1", "require": [LABEL]}, "/schema", "1..1"),
    ({"schema": 1, "require": []}, "/require", "empty"),
    ({"schema": 1, "require": {}}, "/require", "a list"),
    ({"schema": 1, "require": None}, "/require", "a list"),
    ({"schema": 1, "require": [LABEL] * 1025}, "/require", "1024"),
    ({"schema": 1, "require": [LABEL] * 257}, "/require/256",
     "more than 256 rules"),
    ({**one(LABEL), "valid_for": 9}, "/valid_for", "10..604800"),
    ({**one(LABEL), "valid_for": 604801}, "/valid_for", "10..604800"),
    ({**one(LABEL), "valid_for": None}, "/valid_for", "10..604800"),
    ({**one(LABEL), "valid_for": 60.0}, "/valid_for", "10..604800"),
    (one("pcr"), "/require/0", "exactly one key"),
    (one({}), "/require/0", "exactly one key"),
    (one({**LABEL, **pcr()}), "/require/0", "exactly one key"),
    (one({7: {}}), "/require/0", "a key is not a string"),
    (one({"accept-all": {}}), "/require/0", "no rule is called"),
    (one({"any-of": []}), "/require/0/any-of", "empty"),
    (one({"all-of": []}), "/require/0/all-of", "empty"),
    (one({"any-of": {}}), "/require/0/any-of", "a list"),
    (one({"any-of": [LABEL, {"all-of": [{"~/": 1}]}]}),
     "/require/0/any-of/1/all-of/0", "no rule is called"),
    (one({"pcr": None}), "/require/0/pcr", "an object"),
    (one(pcr(bank=None)), "/require/0/pcr", "'bank' is missing"),
    (one(pcr(bank="sha1")), "/require/0/pcr/bank", "sha256"),
    (one(pcr(bank=["sha256"])), "/require/0/pcr/bank", "sha256"),
    (one(pcr(index=None)), "/require/0/pcr", "'index' is missing"),
    (one(pcr(index=24)), "/require/0/pcr/index", "0..23"),
    (one(pcr(index=-1)), "/require/0/pcr/index", "0..23"),
    (one(pcr(index="7")), "/require/0/pcr/index", "0..23"),
    (one(pcr(values=None)), "/require/0/pcr", "'values' or"),
    (one(pcr(values=[])), "/require/0/pcr/values", "empty"),
    (one(pcr(values=HEX)), "/require/0/pcr/values", "a list"),
    (one(pcr(values=[HEX, HEX])), "/require/0/pcr/values", "twice"),
    (one(pcr(values=[HEX, "AB" * 32])), "/require/0/pcr/values/1",
     "lower-case hex"),
    (one(pcr(values=["ab" * 20])), "/require/0/pcr/values/0", "32 bytes"),
    (one(pcr(values=["ab" * 33])), "/require/0/pcr/values/0", "32 bytes"),
    (one(pcr(values=[7])), "/require/0/pcr/values/0", "lower-case hex"),
    (one(pcr(reference_values=[])), "/require/0/pcr/reference_values",
     "empty"),
    (one(pcr(reference_values=["nosuch"])),
     "/require/0/pcr/reference_values/0", "no reference values 'nosuch'"),
    (one(pcr(reference_values=["kernels", "files"])),
     "/require/0/pcr/reference_values/1", "'digest' is needed"),
    (one(pcr(reference_values=["kernels", "kernels"])),
     "/require/0/pcr/reference_values", "twice"),
    (one({"tpm": {}}), "/require/0/tpm", "'manufacturers' or"),
    (one({"tpm": {"manufacturers": []}}), "/require/0/tpm/manufacturers",
     "empty"),
    (one({"tpm": {"manufacturers": [""]}}),
     "/require/0/tpm/manufacturers/0", "printable"),
    (one({"tpm": {"firmware": ["ab" * 7]}}), "/require/0/tpm/firmware/0",
     "8 bytes"),
    (one({"hardware-root": {}}), "/require/0/hardware-root", "'required'"),
    (one({"hardware-root": {"required": False}}),
     "/require/0/hardware-root/required", "leave the rule out"),
    (one({"hardware-root": {"required": 1}}),
     "/require/0/hardware-root/required", "true or false"),
    (one({"label": {"name": "region", "values": []}}),
     "/require/0/label/values", "empty"),
    (one({"label": {"name": "re\ngion", "values": ["eu"]}}),
     "/require/0/label/name", "printable"),
    (one({"label": {"name": "x" * 256, "values": ["eu"]}}),
     "/require/0/label/name", "255"),
    (one({"label": {"name": "r", "values": ["eu"], "a/b~c": 1}}),
     "/require/0/label", "not known here"),
]


@pytest.mark.parametrize(("written", "pointer", "why"), BAD)
def test_h3_a_wrong_document_is_refused_where_it_is_wrong(
        written, pointer, why):
    with pytest.raises(errors.Invalid) as refused:
        parse(written)
    assert refused.value.code is Code.PROFILE_INVALID
    assert str(refused.value).startswith(f"{pointer}: ")
    assert why in str(refused.value)


def test_pointer_escapes_its_marks():
    root = document.Node({"a/b~c": 1}, "", sets)
    assert root.single()[1].pointer == "/a~1b~0c"


def nested(depth, name):
    rule = LABEL
    for _ in range(depth):
        rule = {name: [rule]}
    return one(rule)


@pytest.mark.parametrize("name", ["any-of", "all-of"])
def test_nesting_is_bounded(name):
    parse(nested(7, name))
    with pytest.raises(errors.Invalid, match="deeper than 8"):
        parse(nested(8, name))


def test_rules_inside_rules_count_too():
    parse({"schema": 1, "require": [{"any-of": [LABEL] * 255}]})
    with pytest.raises(errors.Invalid, match="more than 256 rules"):
        parse({"schema": 1, "require": [{"any-of": [LABEL] * 256}]})


@pytest.mark.parametrize("make", [
    lambda: rules.PcrIsOneOf(document.rules.HashAlg.SHA256, 7, ()),
    rules.TpmIsOneOf,
    lambda: rules.LabelIsOneOf("region", ()),
    lambda: document.combine.AnyOf(()),
    lambda: document.combine.AllOf(()),
    lambda: document.AppraisalPolicy("p", 1, (), HOUR),
])
def test_h3_nothing_that_asks_nothing_can_be_made(make):
    with pytest.raises(ValueError, match="."):
        make()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 30) | st.text(max_size=5)
    | st.sampled_from(["sha256", HEX, "eu"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["pcr", "tpm", "label", "any-of", "all-of", "bank",
                         "index", "values", "name", "hardware-root",
                         "required", "manufacturers", "firmware"])
        | st.text(max_size=3), inner, max_size=3), max_leaves=12)


@given(JSON)
def test_reading_is_total(value):
    for written in (value, one(value), {"schema": 1, "require": value}):
        try:
            found = parse(written)
        except errors.Invalid as exc:
            assert exc.code is Code.PROFILE_INVALID
        else:
            assert found.to_document() == written
