# SPDX-License-Identifier: Apache-2.0
"""Every captured log parses, and replays to the registers of its machine."""

from __future__ import annotations

import json

import pytest

from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.bootlog.replay import replay, replay_banks
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs
from tests.unit.core.bootlog.captured import HOSTS, LOGS, OTHERS


def banks_of(path):
    banks = json.loads(path.with_suffix(".pcrs.json").read_text())
    return {bank: {int(i): bytes.fromhex(value)
                   for i, value in values.items()}
            for bank, values in banks.items()}


def facts_of(path):
    return boot_facts(path.read_bytes(),
                      PcrBank(HashAlg.SHA256, banks_of(path)["sha256"]))


def host_facts(host):
    return boot_facts(
        (logs.VECTORS / "hosts" / host / "bios_measurements").read_bytes(),
        logs.pcrs_of(host))


def test_there_are_vectors():
    assert len(LOGS) >= 3 and len(OTHERS) >= 3


@pytest.mark.parametrize("path", [*LOGS, *OTHERS],
                         ids=lambda path: path.stem)
def test_every_bank_of_a_real_log_replays(path):
    replayed = replay_banks(tcg.parse(path.read_bytes()))
    for bank, values in banks_of(path).items():
        assert {i: replayed[bank][i] for i in values} == values


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_real_logs_are_proven_by_their_registers(path):
    facts = facts_of(path)
    assert facts.proven == frozenset(banks_of(path)["sha256"])
    assert facts.quirks == ()


@pytest.mark.parametrize("host", HOSTS)
def test_captured_hosts_are_proven_by_their_registers(host):
    log = tcg.parse((logs.VECTORS / "hosts" / host
                     / "bios_measurements").read_bytes())
    events = replay(log, logs.pcrs_of(host))
    # Only the kernel's own register holds more than the firmware's log says.
    assert events.unexplained == {10}
    assert len(log.events) == 47


def test_a_captured_host_with_secure_boot():
    facts = host_facts("sb-tcg")
    secure_boot = facts.secure_boot
    assert (secure_boot.enabled, secure_boot.undecided) == (True, "")
    assert {name: len(found) for name, found
            in secure_boot.databases.items()} == {
                "PK": 1, "KEK": 2, "db": 2, "dbx": 1}
    assert [a.variable for a in secure_boot.authorities] == [
        "db", "SbatLevel", "MokListRT"]
    assert "Microsoft Corporation UEFI CA 2011" in (
        secure_boot.authorities[0].signature.subject)
    assert secure_boot.authorities[1].signature is None
    assert secure_boot.authorities[2].signature.subject == (
        "CN=Debian Secure Boot CA")
    assert not any(a.before_separator for a in secure_boot.authorities)
    assert secure_boot.shim_validates and secure_boot.dma_protection


def test_the_boot_chain_of_a_captured_host():
    chain = host_facts("sb-tcg").chain
    assert [image.claimed_name for image in chain.images] == [
        "\\EFI\\BOOT\\BOOTX64.EFI", "\\EFI\\BOOT\\grubx64.efi", "", ""]
    # GRUB measures the kernel when shim verifies it and when it starts it.
    assert chain.images[2].digest == chain.images[3].digest
    assert [file.claimed_name for file in chain.files] == [
        "(hd0)/EFI/debian/grub.cfg", "(hd0)/vmlinuz", "/vmlinuz",
        "/initrd.img"]
    assert [line.text for line in chain.command_lines] == [
        "/vmlinuz root=/dev/vdb rdinit=/init console=ttyS0,115200 "
        "ima_policy=tcb"]
    assert chain.commands[-1].text == "boot"
    assert chain.unreadable == ()
    assert len(chain.firmware) == 3
    assert chain.drivers == ()
    assert [m.claimed_name for m in chain.machine_owner] == [
        "MokList", "MokListX", "MokListTrusted"]
    assert [(v.claimed_name, v.name_proven) for v in chain.variables] == [
        ("BootOrder", False), ("Boot0001", False), ("Boot0000", False),
        ("Boot0002", False)]
    assert chain.partitions is None


def test_the_command_line_is_what_the_kernel_booted_with():
    for host in HOSTS:
        booted = (logs.VECTORS / "hosts" / host / "cmdline").read_text()
        line, = host_facts(host).chain.command_lines
        assert booted.strip() == "BOOT_IMAGE=" + line.text


def test_a_workstation_with_quirks():
    facts = facts_of(logs.VECTORS / "boot-logs/arch-linux-workstation.bin")
    assert facts.secure_boot.enabled is False
    assert len(facts.secure_boot.databases["dbx"]) == 77
    chain = facts.chain
    assert chain.firmware_version == "1efb6b540c1d5540a4ad4ef4bf17b83a"
    assert len(chain.drivers) == 1
    assert [image.claimed_name for image in chain.images] == [
        "\\EFI\\SYSTEMD\\SYSTEMD-BOOTX64.EFI", "\\vmlinuz-linux-lts"]
    assert chain.command_lines[0].text.startswith(
        "initrd=\\intel-ucode.img initrd=\\initramfs-linux-lts.img ")
    assert [p.name for p in chain.partitions.partitions] == [
        "EFI System", "Linux RAID", "Linux filesystem"]
    assert all(v.name_proven for v in chain.variables)


def test_a_virtual_machine_with_red_hats_grub():
    facts = facts_of(logs.VECTORS / "boot-logs/rhel8-uefi.bin")
    assert facts.secure_boot.enabled is True
    assert [a.variable for a in facts.secure_boot.authorities] == [
        "db", "Shim"]
    assert facts.chain.firmware_version == "GCE Virtual Firmware v1"
    assert facts.chain.commands[0].text == "set pager=1"
    assert facts.chain.command_lines[0].text.startswith(
        "(hd0,gpt2)/boot/vmlinuz-4.18.0-240.22.1.el8_3.x86_64 ")


def test_a_virtual_machine_without_secure_boot():
    facts = facts_of(
        logs.VECTORS / "boot-logs/ubuntu-2104-no-secure-boot.bin")
    assert facts.secure_boot.enabled is False
    assert len(facts.chain.files) == 9
