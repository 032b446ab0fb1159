# SPDX-License-Identifier: Apache-2.0
"""The boot chain: what is proven, what is only claimed."""

from __future__ import annotations

import struct

import pytest

from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.boot_chain import boot_chain
from attestation_service.core.bootlog.replay import replay
from nova_trusted_launch.wire.digests import PcrBank
from tests.fakes import logs
from tests.unit.core.bootlog.structures import END, gpt, image, node


def chain(log, pcrs=None):
    return boot_chain(replay(tcg.parse(log.dump()), pcrs or log.pcrs()))


@pytest.fixture
def log():
    return logs.capped(logs.BootLog())


def digests(found):
    return [measurement.digest for measurement in found]


def test_nothing_but_separators(log):
    found = chain(log)
    assert found.firmware_version is None
    assert found.partitions is None
    for name in ("firmware", "drivers", "images", "files", "machine_owner",
                 "commands", "command_lines", "unreadable", "variables"):
        assert getattr(found, name) == ()


@pytest.mark.parametrize("data, text", [
    (b"1.2\0", "1.2"), ("N40ET41W ".encode("utf-16-le") + b"\0\0",
                        "N40ET41W "),
    (b"\0\1\2\3", "00010203"),
    # Wide text has a zero in most of its second bytes, and more than two.
    (b"a\0b\0", "61006200"), (b"a\0b\0c", "ab\\x63"),
    (b"a\0bcd", "6100626364"), (b"a\0b\0cxdx", "6100620063786478"),
    (b"a\0b\0cxdxex", "61006200637864786578"),
    # Of 510 bytes, and no more than 255 characters.
    (("€" * 300).encode(), "€" * 170), (b"a" * 300, "a" * 255)])
def test_firmware_version(log, data, text):
    log.add(0, logs.S_CRTM_VERSION, data)
    assert chain(log).firmware_version == text


def test_a_firmware_version_that_is_only_claimed(log):
    log.add(0, logs.S_CRTM_VERSION, b"good", measured=b"bad")
    log.add(0, 8, b"real")
    assert chain(log).firmware_version == "real"
    assert digests(chain(log).firmware) == [
        logs.hashed(11, b"bad"), logs.hashed(11, b"real")]


def test_images_are_whatever_register_4_holds(log):
    log.add(4, logs.EFI_ACTION, b"Calling EFI Application from Boot Option")
    log.add(4, logs.BOOT_APPLICATION, image(node(
        4, 4, "\\EFI\\shim.efi\0".encode("utf-16-le")), END),
        measured=b"shim")
    # Relabelled: an image all the same.
    log.add(4, logs.EFI_ACTION, b"loaded evil")
    log.add(4, 0x12345678, b"", measured=b"hidden")
    found = chain(log)
    assert digests(found.images) == [
        logs.hashed(11, b) for b in (b"shim", b"loaded evil", b"hidden")]
    assert [i.claimed_name for i in found.images] == [
        "\\EFI\\shim.efi", "", ""]
    assert [i.register for i in found.images] == [4, 4, 4]
    assert [i.number for i in found.images] == [9, 10, 11]


@pytest.mark.parametrize("action", [
    b"Calling EFI Application from Boot Option",
    b"Returning from EFI Application from Boot Option",
    b"Booting to Calling INT 19h", b"Booting BCV Device",
    b"BOOT ATTEMPTS OMITTED"])
def test_an_action_of_the_specification_is_no_image(log, action):
    log.add(4, logs.EFI_ACTION, action)
    assert chain(log).images == ()
    log.add(4, logs.EFI_ACTION, action + b"?")
    assert len(chain(log).images) == 1


def test_drivers(log):
    log.add(2, logs.BOOT_DRIVER, image(node(2, 1, b"pci"), END),
            measured=b"rom")
    found = chain(log)
    assert digests(found.drivers) == [logs.hashed(11, b"rom")]


def test_files_and_their_claimed_names(log):
    log.add(9, logs.IPL, b"/vmlinuz\0", measured=b"kernel")
    log.add(9, logs.EVENT_TAG, struct.pack("<II", 1, 13) + b"Linux initrd\0",
            measured=b"initrd")
    log.add(9, logs.IPL, b"\xff\xfe\n", measured=b"odd")
    found = chain(log)
    assert [f.claimed_name for f in found.files] == [
        "/vmlinuz", "Linux initrd", "fffe0a"]
    assert digests(found.files) == [
        logs.hashed(11, b) for b in (b"kernel", b"initrd", b"odd")]


def test_names_have_a_greatest_length(log):
    log.add(9, logs.IPL, b"n" * 999, measured=b"x")
    assert chain(log).files[0].claimed_name == "n" * 255


def test_machine_owner_keys(log):
    log.add(14, logs.IPL, b"MokList\0", measured=b"keys")
    assert chain(log).machine_owner[0].claimed_name == "MokList"


def test_commands_and_command_lines(log):
    log.add(8, logs.IPL, b"grub_cmd: linux /k quiet\0",
            measured=b"linux /k quiet")
    log.add(8, logs.IPL, b"kernel_cmdline: /k quiet\0", measured=b"/k quiet")
    log.add(8, logs.IPL, b"kernel_cmdline: (hd0)/k a\0",
            measured=b"(hd0)/k a")
    found = chain(log)
    assert [t.text for t in found.commands] == ["linux /k quiet"]
    assert [(t.number, t.register, t.text) for t in found.command_lines] == [
        (9, 8, "/k quiet"), (10, 8, "(hd0)/k a")]


def test_a_command_line_under_another_label_is_still_one(log):
    log.add(8, logs.IPL, b"grub_cmd: /k evil\0", measured=b"/k evil")
    log.add(8, 0x12345678, b"/k worse")
    log.add(8, logs.IPL, b"kernel_cmdline: echo /k good\0",
            measured=b"echo /k good")
    found = chain(log)
    assert [t.text for t in found.command_lines] == ["/k evil", "/k worse"]
    assert [t.text for t in found.commands] == ["echo /k good"]


def test_a_command_line_in_utf_16(log):
    log.add(8, logs.IPL, "root=/dev/vda ro\0".encode("utf-16-le"))
    log.add(12, logs.IPL, b"anything in register 12")
    assert [t.text for t in chain(log).command_lines] == [
        "root=/dev/vda ro", "anything in register 12"]


def test_bytes_of_a_command_line_are_not_lost(log):
    log.add(8, logs.IPL, b"kernel_cmdline: /k \xff\0", measured=b"/k \xff")
    assert chain(log).command_lines[0].text == "/k \\xff"


@pytest.mark.parametrize("register", [8, 12])
def test_what_cannot_be_read_is_told(log, register):
    log.add(register, logs.IPL, b"label", measured=b"/k evil")
    found = chain(log)
    assert digests(found.unreadable) == [logs.hashed(11, b"/k evil")]
    assert found.command_lines == found.commands == ()
    # What follows is read all the same.
    log.add(register, logs.IPL, b"/k quiet")
    assert [t.text for t in chain(log).command_lines] == ["/k quiet"]


def test_separators_of_a_boot_loader_are_no_commands(log):
    log.add(8, logs.SEPARATOR, bytes(4))
    log.add(9, logs.SEPARATOR, b"\xff" * 4)
    found = chain(log)
    assert found.commands == found.files == ()


def test_variables(log):
    whole = logs.variable(logs.GLOBAL, "BootOrder", b"\1\0")
    log.add(1, logs.VARIABLE_BOOT, b"no variable")
    log.add(1, logs.VARIABLE_BOOT, whole)
    log.add(1, logs.VARIABLE_BOOT, whole, measured=b"\1\0")
    log.add(1, 0x8000000C, whole)
    log.add(1, logs.DRIVER_CONFIG, whole)
    log.add(1, 0x10, whole)
    log.add(1, 0x10, whole, measured=b"x")
    found = chain(log).variables
    assert [(v.number, v.claimed_name, v.name_proven, v.data)
            for v in found] == [
        (9, "BootOrder", True, b"\1\0"), (10, "BootOrder", False, b"\1\0"),
        (11, "BootOrder", True, b"\1\0"), (12, "BootOrder", True, b"\1\0")]


@pytest.mark.parametrize("kind", [logs.GPT, 0x8000000D])
def test_partitions(log, kind):
    log.add(5, logs.EFI_ACTION, b"Exit Boot Services Invocation")
    log.add(5, 1, gpt(3))
    log.add(5, kind, gpt(2))
    log.add(5, kind, gpt(1))
    assert len(chain(log).partitions.partitions) == 2


def test_a_partition_table_that_cannot_be_read(log):
    log.add(5, logs.GPT, b"no table")
    log.add(5, logs.GPT, gpt(1))
    assert chain(log).partitions is None


def test_nothing_is_read_from_a_register_that_is_not_proven(log):
    log.add(12, logs.IPL, b"quiet")
    pcrs = log.pcrs()
    later = PcrBank(pcrs.alg, {**pcrs.values, 12: b"\1" * 32})
    assert chain(log).command_lines
    assert not chain(log, later).command_lines
