# SPDX-License-Identifier: Apache-2.0
"""Profile documents: what is read, what is refused and where."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core import errors
from attestation_service.core.policy import document, rules
from attestation_service.core.policy.reference_values import ReferenceValues
from nova_trusted_launch.wire.codes import Code

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
HEX = "ab" * 32
HOUR = datetime.timedelta(hours=1)
KERNELS = ReferenceValues("kernels", "digest", {b"\1" * 32: ()},
                          NOW + HOUR)
FILES = ReferenceValues("files", "ima", {b"\1" * 32: ("/bin/true",)})


def sets(name):
    found = {"kernels": KERNELS, "files": FILES}.get(name)
    if found is None:
        raise errors.Unknown(name, Code.REFERENCE_VALUES_UNKNOWN)
    return found


def parse(value, now=NOW):
    return document.parse(value, sets=sets, now=now)


def one(rule):
    return {"schema": 1, "require": [rule]}


def pcr(**changes):
    body = {"bank": "sha256", "index": 7, "values": [HEX]} | changes
    return {"pcr": {k: v for k, v in body.items() if v is not None}}


LABEL = {"label": {"name": "region", "values": ["eu", "us"]}}
GOOD = [
    pytest.param(pcr(), id="pcr"),
    pytest.param(pcr(bank="sha384", values=["00" * 48, "01" * 48], index=0),
                 id="pcr of another bank"),
    pytest.param(pcr(values=None, reference_values=["kernels"], index=23),
                 id="pcr by reference"),
    pytest.param(pcr(reference_values=["kernels"]), id="pcr by both"),
    pytest.param({"tpm": {"manufacturers": ["IFX", "INTC"]}}, id="maker"),
    pytest.param({"tpm": {"firmware": ["00070055" "0011cb00"]}},
                 id="firmware"),
    pytest.param({"tpm": {"manufacturers": ["IFX"],
                          "firmware": ["0" * 16]}}, id="maker and firmware"),
    pytest.param({"hardware-root": {"required": True}}, id="hardware"),
    pytest.param(LABEL, id="label"),
    pytest.param({"any-of": [LABEL, pcr(), {"all-of": [LABEL, pcr()]}]},
                 id="nested"),
]


@pytest.mark.parametrize("rule", GOOD)
def test_document_to_policy_to_document_is_stable(rule):
    written = one(rule)
    found = parse(written)
    assert found.to_document() == written
    assert parse(found.to_document()) == found


def test_valid_for_is_kept_or_the_default():
    written = {**one(LABEL), "valid_for": 10}
    found = parse(written)
    assert found.to_document() == written
    policy = found.policy("p", 3, default_valid_for=HOUR)
    assert policy.valid_for == datetime.timedelta(seconds=10)
    assert (policy.name, policy.version, policy.rules) == (
        "p", 3, found.rules)
    assert policy.valid_until is None
    assert parse(one(LABEL)).policy(
        "p", 1, default_valid_for=HOUR).valid_for == HOUR


def test_policy_ends_with_the_first_reference_values_to_expire():
    early = ReferenceValues("early", "digest", {b"\1" * 32: ()},
                            NOW + HOUR / 2)
    found = document.parse(
        {"schema": 1, "require": [
            pcr(values=None, reference_values=["kernels", "early"])]},
        sets=lambda name: early if name == "early" else sets(name), now=NOW)
    assert found.references == (KERNELS, early)
    assert found.policy("p", 1, default_valid_for=HOUR).valid_until == (
        NOW + HOUR / 2)


def test_expired_reference_values_are_refused():
    by_reference = one(pcr(reference_values=["kernels"]))
    parse(by_reference, NOW + HOUR - datetime.timedelta(microseconds=1))
    with pytest.raises(errors.Invalid, match="'kernels' expired at 2026"):
        parse(by_reference, NOW + HOUR)


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


def test_as_many_rules_as_allowed():
    assert len(parse({"schema": 1, "require": [LABEL] * 256}).rules) == 256


def test_as_many_values_as_allowed():
    values = [f"{i:064x}" for i in range(1024)]
    assert parse(one(pcr(values=values))).to_document() == one(
        pcr(values=values))


def test_policy_knows_the_registers_it_needs():
    found = parse({"schema": 1, "require": [
        pcr(index=3), {"any-of": [pcr(index=4), {"all-of": [
            pcr(index=5), LABEL]}]}, LABEL,
        {"hardware-root": {"required": True}},
        {"tpm": {"manufacturers": ["IFX"]}}]})
    policy = found.policy("p", 1, default_valid_for=HOUR)
    assert policy.registers == {3, 4, 5}


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


def test_policy_knows_what_it_asks_about_files():
    def asked(*rules):
        return parse({"schema": 1, "require": list(rules)}).policy(
            "p", 1, default_valid_for=HOUR).file_questions

    ima = {"ima": {"reference_values": ["files"]}}
    other = {"ima": {"reference_values": ["files"], "excludes": ["/tmp/*"]}}
    assert asked(LABEL, pcr()) == frozenset()
    assert len(asked(ima)) == 1
    assert asked({"any-of": [LABEL, {"all-of": [ima]}]}) == asked(ima)
    assert len(asked(ima, other, ima)) == 2


def test_sets_that_had_one_name_are_different_questions():
    def asked(path):
        known = ReferenceValues("files", "ima", {b"\1" * 32: (path,)})
        return document.parse(
            {"schema": 1, "require": [{"ima": {
                "reference_values": ["files"]}}]},
            sets=lambda name: known, now=NOW).policy(
            "p", 1, default_valid_for=HOUR).file_questions

    assert asked("/bin/true") == asked("/bin/true") != asked("/bin/sh")


def test_named_sets_need_not_exist():
    assert document.named_sets({"schema": 1, "require": [
        LABEL, pcr(values=None, reference_values=["a", "b"]),
        {"any-of": [{"all-of": [pcr(reference_values=["c"])]}]}]}) == {
        "a", "b", "c"}
    assert document.named_sets({"schema": 1, "require": [LABEL]}) == (
        frozenset())
