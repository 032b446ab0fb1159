# SPDX-License-Identifier: Apache-2.0
"""Which bytes of an event its digest covers."""

from __future__ import annotations

import hashlib

import pytest

from attestation_service.core.bootlog.measured import measured
from tests.fakes import logs

VARIABLE = logs.variable(logs.GLOBAL, "Boot0001", b"contents")
TEXT = "console=ttyS0".encode("utf-16-le")


@pytest.mark.parametrize("kind, data, chosen, form", [
    pytest.param(logs.DRIVER_CONFIG, VARIABLE, VARIABLE, "event",
                 id="variable"),
    pytest.param(logs.VARIABLE_BOOT, VARIABLE, VARIABLE, "event",
                 id="boot variable"),
    pytest.param(logs.VARIABLE_BOOT, VARIABLE, b"contents",
                 "variable-contents", id="EDK II's boot variable"),
    pytest.param(0x8000000C, VARIABLE, b"contents", "variable-contents",
                 id="EDK II's boot variable 2"),
    pytest.param(logs.VARIABLE_BOOT, bytes(32), b"", "variable-contents",
                 id="boot variable of no name and contents"),
    pytest.param(logs.AUTHORITY, VARIABLE + b"\xaf", VARIABLE,
                 "shim-extra-byte", id="shim"),
    pytest.param(logs.EFI_ACTION, b"Calling\0", b"Calling", "text",
                 id="action with a NUL"),
    pytest.param(5, b"Calling\0", b"Calling", "text", id="BIOS action"),
    pytest.param(8, b"1.0\0", b"1.0", "text", id="version with a NUL"),
    pytest.param(logs.IPL, b"grub_cmd: set a\0", b"set a", "grub-text",
                 id="GRUB"),
    pytest.param(logs.IPL, b"grub_cmd: set a", b"set a", "grub-text",
                 id="GRUB without NUL"),
    pytest.param(logs.IPL, b"kernel_cmdline: /k a\0", b"/k a", "grub-text",
                 id="kernel"),
    pytest.param(logs.IPL, b"module_cmdline: /k a\0", b"/k a", "grub-text",
                 id="multiboot module"),
    pytest.param(logs.IPL, b"grub_cmd set a\0", b"set a\0", "grub-text-nul",
                 id="Red Hat's GRUB"),
    pytest.param(logs.IPL, b"grub_kernel_cmdline /k a\0", b"/k a",
                 "grub-text", id="Red Hat's kernel"),
    pytest.param(logs.IPL, b"grub_module_cmdline /k a\0", b"/k a",
                 "grub-text", id="Red Hat's multiboot module"),
    pytest.param(logs.IPL, b"text\0", b"text\0", "event", id="text"),
    pytest.param(logs.IPL, b"text\0", b"text", "text", id="text, NUL"),
    pytest.param(logs.IPL, TEXT + b"\0", TEXT + b"\0\0", "utf-16-cut",
                 id="systemd-boot"),
])
def test_the_bytes_that_were_measured(kind, data, chosen, form):
    digest = hashlib.sha256(chosen).digest()
    assert measured(kind, data, digest, hashlib.sha256) == (chosen, form)
    for known in ({digest: chosen}, {bytes(32): chosen}):
        assert measured(kind, data, digest, hashlib.sha256, known) == (
            chosen, form)


@pytest.mark.parametrize("kind, data, chosen", [
    pytest.param(logs.DRIVER_CONFIG, VARIABLE, b"contents",
                 id="contents of the wrong type"),
    pytest.param(logs.DRIVER_CONFIG, VARIABLE + b"\1", VARIABLE,
                 id="shim's byte in the wrong type"),
    pytest.param(logs.VARIABLE_BOOT, VARIABLE + b"x", b"contents",
                 id="lengths that do not add up"),
    pytest.param(logs.VARIABLE_BOOT, VARIABLE[:20], b"",
                 id="variable cut short"),
    pytest.param(logs.EFI_ACTION, b"Calling!", b"Calling",
                 id="last byte is no NUL"),
    pytest.param(logs.IPL, b"other_cmd: set a\0", b"set a",
                 id="not a label of GRUB's"),
    pytest.param(logs.IPL, TEXT, TEXT + b"\0", id="even length"),
    pytest.param(logs.EFI_ACTION, TEXT + b"\0", TEXT + b"\0\0",
                 id="not by systemd-boot"),
    pytest.param(logs.BOOT_APPLICATION, b"path", b"image", id="label"),
])
def test_data_that_is_no_proof(kind, data, chosen):
    digest = hashlib.sha256(chosen).digest()
    assert measured(kind, data, digest, hashlib.sha256) is None
    assert measured(kind, data, digest, hashlib.sha256,
                    {digest: chosen}) is None
