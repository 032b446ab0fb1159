# SPDX-License-Identifier: Apache-2.0
"""Rules about what was booted, and with which command line."""

from __future__ import annotations

import pytest

from attestation_service.core import errors
from nova_trusted_launch.wire.digests import PcrBank
from tests.fakes import logs
from tests.unit.core.policy.judged import (
    NO,
    UNKNOWN,
    YES,
    digest,
    facts,
    rule,
    tiers,
)


@pytest.fixture
def log():
    return logs.secure_log()


# Components.

def test_components_with_reference_values(log):
    for data in (b"kernel", b"named", b"value"):
        log.add(4, logs.BOOT_APPLICATION, b"path", measured=data)
    asked = rule("boot-components", kind="images",
                 values=[digest(b"value").hex()],
                 reference_values=["kernels"])
    assert tiers(asked, facts(log)) == [YES]
    fewer = rule("boot-components", kind="images",
                 reference_values=["kernels"])
    assert tiers(fewer, facts(log)) == [NO]
    named = rule("boot-components", kind="images",
                 values=[digest(b"value").hex()])
    assert tiers(named, facts(log)) == [NO, NO]


def test_a_reference_value_may_be_for_another_kind(log):
    log.add(4, logs.BOOT_APPLICATION, b"path", measured=b"other")
    log.add(2, logs.BOOT_DRIVER, b"path", measured=b"other")
    for kind, expected in (("images", [NO]), ("drivers", [YES])):
        assert tiers(rule("boot-components", kind=kind,
                          reference_values=["kernels"]),
                     facts(log)) == expected


@pytest.mark.parametrize("kind, register", [
    ("firmware", 0), ("drivers", 2), ("images", 4), ("files", 9),
    ("machine-owner", 14)])
def test_a_component_without_a_reference_value(kind, register):
    log = logs.capped(logs.BootLog())
    log.add(register, logs.IPL, b"a name", measured=b"bad")
    found, = rule("boot-components", kind=kind,
                  reference_values=["kernels"]).judge(facts(log))
    assert (found.tier, found.subject) == (NO, "event 8")
    assert found.actual == digest(b"bad").hex()
    claimed = register not in (2, 4)
    assert ("'a name'" in found.detail) is claimed


def test_components_of_a_register_that_is_not_proven(log):
    asked = rule("boot-components", kind="files",
                 reference_values=["kernels"])
    assert tiers(asked, facts(log)) == [YES]
    assert tiers(asked, facts(log, log.pcrs(only=range(9)))) == [UNKNOWN]


@pytest.mark.parametrize("size", [32, 48, 64])
def test_one_value_of_any_bank(size):
    asked = rule("boot-components", kind="images", values=["ab" * size])
    assert asked.values == (b"\xab" * size,)


def test_a_value_of_no_bank_is_told_the_usual_size():
    with pytest.raises(errors.Invalid, match="32 bytes"):
        rule("boot-components", kind="images", values=["ab" * 20])


# Command lines.

@pytest.fixture
def grub():
    log = logs.secure_log()
    line = b"/vmlinuz root=/dev/vda ima_policy=tcb quiet"
    log.add(8, logs.IPL, b"kernel_cmdline: " + line + b"\0", measured=line)
    return log


@pytest.mark.parametrize("body, tier", [
    ({"patterns": ["/vmlinuz root=* quiet"]}, YES),
    ({"patterns": ["nothing", "/vmlinuz*"]}, YES),
    ({"patterns": ["*root=/dev/vda"]}, NO),
    ({"patterns": ["*ROOT=*"]}, NO),
    ({"words": ["ima_policy=tcb", "quiet"]}, YES),
    ({"words": ["ima_policy"]}, NO),
    ({"words": ["quiet", "audit=1"]}, NO),
    ({"forbidden": ["ima_appraise=*", "debug"]}, YES),
    ({"forbidden": ["root=*"]}, NO),
    ({"patterns": ["*"], "words": ["quiet"], "forbidden": ["qui*"]}, NO),
])
def test_a_command_line(grub, body, tier):
    assert tiers(rule("command-line", **body), facts(grub)) == [tier]


def test_a_command_line_cannot_pretend_to_be_more_lines(grub):
    line = b"/vmlinuz a\nall is well"
    grub.add(8, logs.IPL, b"kernel_cmdline: " + line + b"\0", measured=line)
    found = list(rule("command-line", words=["quiet"]).judge(facts(grub)))
    assert found[1].actual == r"/vmlinuz a\nall is well"


ANY = {"patterns": ["*quiet"]}


def test_every_command_line_counts(grub):
    line = b"/vmlinuz evil"
    grub.add(8, logs.IPL, b"grub_cmd: " + line + b"\0", measured=line)
    found = list(rule("command-line", **ANY).judge(facts(grub)))
    assert [f.tier for f in found] == [YES, NO]
    assert found[1].actual == "/vmlinuz evil"
    assert found[1].expected == "*quiet"


def test_no_command_line_was_measured(log):
    assert tiers(rule("command-line", **ANY), facts(log)) == [UNKNOWN]


@pytest.mark.parametrize("register", [8, 12])
def test_a_text_that_is_not_proven_may_be_a_command_line(grub, register):
    grub.add(register, logs.IPL, b"label", measured=b"/vmlinuz evil")
    assert tiers(rule("command-line", **ANY), facts(grub)) == [YES, UNKNOWN]


def test_a_register_that_was_not_quoted_may_hold_one(grub):
    assert tiers(rule("command-line", **ANY),
                 facts(grub, grub.pcrs(only=range(10)))) == [YES, UNKNOWN]


def test_a_register_that_is_not_explained_may_hold_one(grub):
    pcrs = grub.pcrs()
    later = PcrBank(pcrs.alg, {**pcrs.values, 12: b"\1" * 32})
    assert tiers(rule("command-line", **ANY),
                 facts(grub, later)) == [YES, UNKNOWN]
