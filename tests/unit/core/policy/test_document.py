# SPDX-License-Identifier: Apache-2.0
"""Profile documents: what is read, and the policies that come of it."""

from __future__ import annotations

import datetime

import pytest

from attestation_service.core import errors
from attestation_service.core.policy import document
from attestation_service.core.policy.reference_values import ReferenceValues
from tests.unit.core.policy.documents import (
    HOUR, KERNELS, LABEL, NOW, one, parse, pcr, sets)

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
