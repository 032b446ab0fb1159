# SPDX-License-Identifier: Apache-2.0
"""Lists of rare, old and foreign kernels."""

from __future__ import annotations

import hashlib

import pytest

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import log, templates
from attestation_service.core.ima.log import Entry
from attestation_service.core.ima.walk import walk
from tests.fakes import logs
from tests.unit.core.ima.read import (
    ASCII,
    DIGEST,
    GOOD,
    ONE_OF_EACH,
    entries,
    swapped,
)


# Every template, as the kernel's own code writes it (ima_template_lib.c).

XATTRS = b"security.ima|security.selinux\0"
EVM = logs.ima_file("/g", b"x", template="evm-sig")
EVM.data += b"".join(map(logs.sized, (
    b"\3\2evm", XATTRS + b"\0", b"\1\0\0\0\2\0\0\0", b"abc",
    b"\xe8\3\0\0", b"\0\0\0\0", b"\xa4\x81")))
EVM_LINE = b" ".join((
    b"10", EVM.hash.hex().encode(), b"evm-sig",
    b"sha256:" + DIGEST.hex().encode(), b"/g", b"\3\2evm".hex().encode(),
    XATTRS[:-1], b"0100000002000000", b"616263", b"1000", b"0",
    b"33188")) + b"\n"
MODSIG = logs.ima_file("/h.ko", b"x", template="ima-modsig")
MODSIG.data += b"".join(map(logs.sized, (
    b"", b"sha256:\0" + DIGEST, b"PKCS7")))
MODSIG_LINE = b" ".join((
    b"10", MODSIG.hash.hex().encode(), b"ima-modsig",
    b"sha256:" + DIGEST.hex().encode(), b"/h.ko", b"",
    b"sha256:" + DIGEST.hex().encode(), b"504b435337")) + b"\n"
UNSIGNED = logs.ima_file("/i.ko", b"x", template="ima-modsig")
UNSIGNED.data += logs.sized(b"") * 3
UNSIGNED_LINE = b" ".join((
    b"10", UNSIGNED.hash.hex().encode(), b"ima-modsig",
    b"sha256:" + DIGEST.hex().encode(), b"/i.ko", b"", b"", b"")) + b"\n"
CUSTOM = logs.ima_file("/j", b"x", template="d-ng|n-ng|imode")
CUSTOM.data += logs.sized(b"\xa4\x81")
CUSTOM_LINE = b" ".join((
    b"10", CUSTOM.hash.hex().encode(), b"d-ng|n-ng|imode",
    b"sha256:" + DIGEST.hex().encode(), b"/j", b"33188")) + b"\n"


@pytest.mark.parametrize(("entry", "line", "path"), [
    (EVM, EVM_LINE, b"/g"), (MODSIG, MODSIG_LINE, b"/h.ko"),
    (UNSIGNED, UNSIGNED_LINE, b"/i.ko"), (CUSTOM, CUSTOM_LINE, b"/j")],
    ids=["evm-sig", "ima-modsig", "no-modsig", "custom"])
def test_rarer_templates(entry, line, path):
    for data in (entry.dump(), line):
        found = log.parse(entries(data)[0], log.shape(data))
        assert found.data == entry.data
        facts = log.file_facts(found)
        assert (facts.path, facts.digest) == (path, DIGEST)
    assert walk(entry.dump() + entry.dump()) == walk(line + line)


OLD_DIGEST = hashlib.sha1(b"old").digest()


def legacy(name=b"/sbin/init", order="little", violation=False):
    """An entry of kernels before 3.13, in both forms."""
    hashed = OLD_DIGEST + name.ljust(256, b"\0")
    claimed = bytes(20) if violation else hashlib.sha1(hashed).digest()
    binary = ((10).to_bytes(4, order) + claimed + (3).to_bytes(4, order)
              + b"ima" + OLD_DIGEST + len(name).to_bytes(4, order) + name)
    line = b" ".join((b"10", claimed.hex().encode(), b"ima",
                      OLD_DIGEST.hex().encode(), name)) + b"\n"
    return binary, line, hashed


@pytest.mark.parametrize("order", ["little", "big"])
def test_the_oldest_template(order):
    binary, line, hashed = legacy(order=order)
    second, _, _ = legacy(b"/bin/sh", order)
    form = log.shape(binary)
    assert form.order == order
    raw, other = entries(binary + second)
    assert (raw, other) == (binary, second)
    assert log.parse(raw, form).data == hashed
    assert log.parse(line[:-1], ASCII).data == hashed
    found = walk(binary * 3, None)
    assert found == walk(line * 3)
    assert found.entries == 3
    # Its digests are SHA-1's, and its name is not measured.
    with pytest.raises(MalformedEvidence):
        log.file_facts(log.parse(raw, form))


@pytest.mark.parametrize("cut", [1, 4, 12, 30])
def test_the_oldest_template_cut(cut):
    binary, _, _ = legacy()
    with pytest.raises(MalformedEvidence):
        walk(binary + binary[:-cut])


@pytest.mark.parametrize("line", [
    b"10 " + b"00" * 20 + b" ima " + b"00" * 19 + b" /a",
    b"10 " + b"00" * 20 + b" ima " + b"00" * 20 + b" " + b"a" * 256,
    b"10 " + b"00" * 20 + b" ima " + b"00" * 20])
def test_the_oldest_template_of_another_form(line):
    with pytest.raises(MalformedEvidence):
        log.parse(line, ASCII)


def test_a_big_endian_kernel():
    forms = [swapped(entry) for entry, _ in ONE_OF_EACH]
    binary = b"".join(b for b, _, _ in forms)
    lines = b"".join(line for _, line, _ in forms)
    for data in (binary, lines):
        form = log.shape(data)
        assert form.order == "big"
        found = [log.parse(raw, form) for raw in entries(data)]
        assert [e.data for e in found] == [d for _, _, d in forms]
        assert [log.file_facts(e) for e in found] == [
            facts for _, facts in ONE_OF_EACH]
    assert walk(binary) == walk(lines)
    value = bytes(32)
    for _, _, data in forms:
        value = hashlib.sha256(value + hashlib.sha256(data).digest()).digest()
    assert walk(binary, value).reached == len(forms)


@pytest.mark.parametrize("bank", ["sha256", "sha384", "sha512"])
def test_a_kernel_that_pads_sha1_is_told(bank):
    files = logs.ImaList([
        logs.ima_file("/a"), logs.ima_file("/b", violation=True),
        logs.ima_file("/c")])
    size = hashlib.new(bank).digest_size
    value = bytes(size)
    for entry in files.entries:
        digest = b"\xff" * 20 if entry.violation else entry.hash
        value = hashlib.new(
            bank, value + digest.ljust(size, b"\0")).digest()
    found = walk(files.dump(), value)
    assert (found.reached, found.violations, found.quirk) == (
        3, 1, "sha1-padded")
    assert walk(files.dump(), files.value(bank)).quirk == ""
    assert walk(files.dump(), bytes(range(size))).reached is None


@pytest.mark.parametrize("template", [
    "n-ng|d-ng", "sig|n-ng", "buf|buf", "d|n", "imode", "ima"])
def test_a_template_that_was_renamed_says_nothing(template):
    """Its name is not measured: only templates that begin alike are read."""
    with pytest.raises(MalformedEvidence):
        log.file_facts(Entry(10, b"\1" * 20, template, GOOD))


@pytest.mark.parametrize("text", [b"4294967296", b"+1", b"-1", b"x"])
def test_a_number_that_no_kernel_writes(text):
    with pytest.raises(ValueError):
        templates.data_from_ascii(
            "d-ng|n-ng|iuid", [b"sha256:00", b"/x", text], "little")
