# SPDX-License-Identifier: Apache-2.0
"""Numbers in an ASCII list: those that a kernel writes, and no others."""

from __future__ import annotations

import pytest

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import log, templates
from attestation_service.core.ima.log import Format, Shape

ASCII = Shape(Format.ASCII, 20)


DIGEST = b"sha256:" + b"ab" * 32
FIELDS = ("d-ng", "d-ngv2", "d-modsig", "n-ng", "sig", "modsig", "evmsig",
          "buf", "xattrnames", "xattrlengths", "xattrvalues", "iuid", "igid",
          "imode")


def line(*, uid=b"1000", mode=b"33188", digest=DIGEST,
         names=b"security.ima"):
    """Write one entry of evm-sig, with an owner and a mode."""
    return b" ".join((
        b"10", b"00" * 20, b"evm-sig", digest, b"/g",
        b"0302", names, b"01", b"02", uid, b"0", mode))


def measured(raw):
    """Return the fields as they are measured."""
    data, fields, at = log.parse(raw, ASCII).data, [], 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "little")
        fields.append(data[at + 4:at + 4 + size])
        at += 4 + size
    return fields


def numbers(raw):
    return measured(raw)[-3:]


@pytest.mark.parametrize(("text", "measured"), [
    (b"0", bytes(4)), (b"1000", b"\xe8\3\0\0"),
    (b"4294967295", b"\xff" * 4), (b"", b"")])
def test_an_owner_is_measured_in_four_bytes(text, measured):
    assert numbers(line(uid=text)) == [measured, bytes(4), b"\xa4\x81"]


@pytest.mark.parametrize("text", [
    b"4294967296", b"-1", b"+1", b"1_0", b"0x10", b"1\t", b"one"])
def test_what_is_no_number_of_a_kernel(text):
    with pytest.raises(MalformedEvidence):
        log.parse(line(uid=text), ASCII)


@pytest.mark.parametrize("text", [b"65536", b"4294967295"])
def test_a_mode_is_measured_in_two_bytes(text):
    assert numbers(line(mode=b"65535"))[-1] == b"\xff\xff"
    with pytest.raises(MalformedEvidence):
        log.parse(line(mode=text), ASCII)


@pytest.mark.parametrize(("text", "field"), [
    (b"", b""), (b"security.ima", b"security.ima\0\0")])
def test_names_of_attributes_end_twice_if_there_are_any(text, field):
    assert measured(line(names=text))[3] == field


@pytest.mark.parametrize("digest", [b"ab" * 32, b"", b"sha256:xy"])
def test_a_digest_names_its_algorithm(digest):
    with pytest.raises(MalformedEvidence):
        log.parse(line(digest=digest), ASCII)


def test_a_template_may_have_any_of_the_fields():
    assert templates.fields_of("|".join(FIELDS)) == FIELDS
    with pytest.raises(MalformedEvidence):
        templates.fields_of("|".join((*FIELDS, "other")))
