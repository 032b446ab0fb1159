# SPDX-License-Identifier: Apache-2.0
"""A draft says yes to the host it was made from, and no after a change."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib

import pytest

from attestation_service.core import errors
from attestation_service.core.appraise import appraise
from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.facts import HostFacts
from attestation_service.core.ima.facts import ima_facts
from attestation_service.core.policy import document
from attestation_service.core.policy.draft import draft
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes import logs

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
CAPTURED = logs.VECTORS / "hosts" / "sb-tcg"
YES, NO, UNKNOWN = (TrustTier.AFFIRMING, TrustTier.CONTRAINDICATED,
                    TrustTier.NONE)
QUOTED = range(15)


def facts(log=None, files=None, **changes):
    """What is known of a host with this boot log and these files."""
    values = {i: v for i, v in logs.pcrs_of("sb-tcg").values.items()
              if i in QUOTED}
    if log is not None:
        values |= {i: v for i, v in log.pcrs().values.items() if i != 10}
    if files is not None:
        values[10] = files.value()
    pcrs = PcrBank(HashAlg.SHA256, values)
    return HostFacts(
        pcrs, 1, 0, changes.get("maker", "IFX"),
        changes.get("firmware", 1), changes.get("hardware", True), {},
        None if log is None else boot_facts(log.dump(), pcrs),
        None if files is None else ima_facts(files.dump(), pcrs,
                                             boot=(1, 0)))


@pytest.fixture
def log():
    return logs.load(CAPTURED / "bios_measurements")


@pytest.fixture
def files():
    return logs.load_ima(CAPTURED / "ima_bin")


def tier(written, known):
    policy = document.parse(written, sets={}.__getitem__, now=NOW).policy(
        "draft", 1, default_valid_for=datetime.timedelta(hours=1))
    return appraise("id", "host", known, policy, NOW).tier


def names(written):
    return [next(iter(rule)) for rule in written["require"]]


def test_it_asks_for_what_was_measured_not_for_registers(log, files):
    known = facts(log, files)
    written = draft(known)
    assert names(written) == [
        "hardware-root", "tpm", "boot-log", "secure-boot",
        *["boot-components"] * 4, "command-line", *["pcr"] * 5, "ima"]
    assert [rule["pcr"]["index"] for rule in written["require"]
            if "pcr" in rule] == [1, 2, 3, 5, 6]
    assert tier(written, known) is YES
    # What is written can be read, and written again.
    assert document.parse(written, sets={}.__getitem__,
                          now=NOW).to_document() == written


def test_one_changed_file_is_refused(log, files):
    written = draft(facts(log, files))
    changed = files.copy()
    changed.entries.append(logs.ima_file(
        "/bin/busybox", b"changed", template="ima-sig"))
    assert tier(written, facts(log, changed)) is NO
    more = files.copy()
    more.entries.append(files.entries[-1])
    assert tier(written, facts(log, more)) is YES


@pytest.mark.parametrize("register", [0, 4, 9, 14])
def test_another_component_is_refused(log, files, register):
    """Another firmware, kernel, file of GRUB's, or key of shim's."""
    written = draft(facts(log, files))
    changed = log.copy()
    event = next(e for e in reversed(changed.events)
                 if e.register == register and e.type != logs.SEPARATOR)
    event.digests[11] = hashlib.sha256(b"another").digest()
    assert tier(written, facts(changed, files)) is NO


def test_the_order_of_an_update_does_not_matter(log, files):
    """A kernel can be allowed before it is booted."""
    written = draft(facts(log, files))
    updated = log.copy()
    digest = hashlib.sha256(b"the next kernel").digest()
    old = next(e for e in log.events
               if e.type == logs.BOOT_APPLICATION).digests[11]
    for event in updated.events:
        if event.digests[11] == old:
            event.digests[11] = digest
    aggregate = files.copy()
    aggregate.entries[0] = logs.ImaEntry(files.entries[0].data, "ima-sig")
    assert tier(written, facts(updated, files)) is NO
    for rule in written["require"]:
        if rule.get("boot-components", {}).get("kind") == "images":
            rule["boot-components"]["values"].append(digest.hex())
    no_files = {**written, "require": [
        r for r in written["require"] if "ima" not in r]}
    assert tier(no_files, facts(updated)) is YES
    assert tier(no_files, facts(log)) is YES


def test_secure_boot_off_is_refused():
    on, off = logs.secure_log(), logs.secure_log(b"\0")
    written = draft(facts(on))
    assert "secure-boot" in names(written)
    assert tier(written, facts(on)) is YES
    assert tier(written, facts(off)) is NO
    # Where it is off the register as a whole is asked for.
    written = draft(facts(off))
    assert "secure-boot" not in names(written)
    assert tier(written, facts(off)) is YES
    assert tier(written, facts(on)) is NO


def test_what_is_revoked_has_to_stay_revoked():
    def revoking(dbx):
        log, event = logs.secure_log(), logs.BootLog()
        event.add(7, logs.DRIVER_CONFIG, logs.variable(
            logs.DATABASE, "dbx", dbx))
        log.events[5:6] = event.events
        return log

    digest = logs.signature_list(logs.SHA256_SIGNATURE, b"\3" * 32)
    # A hash with the time since when it is revoked: no rule can ask for it.
    dated = logs.signature_list(logs.SHIM, b"\4" * 48)
    known = facts(revoking(digest + dated))
    written = draft(known)
    assert [r["secure-boot"]["revoked"] for r in written["require"]
            if "secure-boot" in r] == [["03" * 32]]
    assert tier(written, known) is YES
    assert tier(written, facts(revoking(dated))) is NO


def test_a_driver_explains_the_register_of_drivers():
    log = logs.secure_log()
    log.add(2, logs.BOOT_DRIVER, b"driver", measured=b"driver")
    known = facts(log)
    written = draft(known)
    asked = [r["pcr"]["index"] for r in written["require"] if "pcr" in r]
    assert 2 not in asked and 3 in asked
    assert tier(written, known) is YES


def test_only_what_was_quoted_is_asked_for():
    known = facts()
    few = PcrBank(HashAlg.SHA256, {7: known.pcrs.values[7]})
    assert names(draft(dataclasses.replace(known, pcrs=few))) == [
        "hardware-root", "tpm", "pcr"]


def test_another_command_line_is_refused(log, files):
    written = draft(facts(log, files))
    changed = log.copy()
    line = b"/vmlinuz root=/dev/vdb init=/bin/sh"
    changed.add(8, logs.IPL, b"kernel_cmdline: " + line + b"\0",
                measured=line)
    assert tier(written, facts(changed, files)) is NO


@pytest.mark.parametrize("line", [
    b"/vmlinuz a=[1-9]* b=?", b"/vmlinuz " + b"x" * 300, b"/v \xff\xfe"])
def test_any_command_line_can_be_asked_for(line):
    log = logs.secure_log()
    log.add(8, logs.IPL, b"kernel_cmdline: " + line + b"\0", measured=line)
    known = facts(log)
    written = draft(known)
    assert tier(written, known) is YES
    other = logs.secure_log()
    line = line.replace(b"/v", b"/w")
    other.add(8, logs.IPL, b"kernel_cmdline: " + line + b"\0", measured=line)
    assert tier(written, facts(other)) is NO


@pytest.mark.parametrize("change", [
    {"maker": "STM"}, {"firmware": 2}, {"hardware": False}])
def test_another_tpm_is_refused(log, files, change):
    written = draft(facts(log, files))
    assert tier(written, facts(log, files, **change)) is NO


def test_a_host_without_logs_is_known_by_its_registers(log):
    written = draft(facts())
    assert names(written) == ["hardware-root", "tpm", *["pcr"] * 11]
    assert tier(written, facts()) is YES
    log.add(9, logs.IPL, b"another kernel")
    assert tier(written, facts(log)) is NO


def test_a_log_that_is_missing_later_is_unknown(log, files):
    assert tier(draft(facts(log, files)), facts()) is UNKNOWN


def test_firmware_quirks_are_told():
    log = logs.secure_log()
    log.unlogged = [(5, b"Exit Boot Services Invocation"),
                    (5, b"Exit Boot Services Returned with Success")]
    written = draft(facts(log))
    assert {"boot-log": {"required": True, "quirks": [
        "exit-boot-services-unlogged"]}} in written["require"]
    assert tier(written, facts(log)) is YES


def test_a_list_in_which_no_file_is_known_asks_for_nothing(log):
    known = facts(log, logs.ImaList([logs.ima_file("boot_aggregate")]))
    written = draft(known)
    assert "ima" not in names(written)
    assert tier(written, known) is YES


def test_a_tpm_of_no_named_maker_is_known_by_its_firmware(log):
    written = draft(facts(log, maker="", hardware=False))
    assert names(written)[0] == "tpm"
    assert tier(written, facts(log, maker="", hardware=False)) is YES
    assert tier(written, facts(log, maker="", firmware=2)) is NO


def test_secure_boot_that_authorised_nothing_is_asked_for_as_a_register():
    log = logs.secure_log()
    log.events.pop()
    written = draft(facts(log))
    assert "secure-boot" not in names(written)
    assert 7 in [r["pcr"]["index"] for r in written["require"] if "pcr" in r]
    assert tier(written, facts(log)) is YES


def test_files_are_left_out_when_asked(log, files):
    written = draft(facts(log, files), files=False)
    assert "ima" not in names(written)
    assert tier(written, facts(log, files)) is YES


def test_what_cannot_be_named_is_good_at_any_path(log, files):
    odd = logs.ima_file("/odd", b"odd")
    odd.data = odd.data.replace(b"/odd", b"/\xff\xfed")
    files.entries.append(odd)
    written = draft(facts(log, files))
    values = written["require"][-1]["ima"]["values"]
    assert values[hashlib.sha256(b"odd").hexdigest()] == []
    assert tier(written, facts(log, files)) is YES


@pytest.mark.parametrize(("entry", "judged"), [
    (logs.ima_file("/never", violation=True), NO),
    (logs.ImaEntry(b"/never, and in no form we know", "odd"), NO),
    (logs.ima_file("/never", b"a", alg="sha1"), NO),
    (logs.ima_file("/never", b"a", register=11), YES)])
def test_what_nobody_can_vouch_for_is_not_in_it(log, files, entry, judged):
    without = draft(facts(log, files))
    files.entries.insert(1, entry)
    known = facts(log, files)
    written = draft(known)
    # All that follows in the list is.
    assert written == without
    assert tier(written, known) is judged


def test_a_set_that_does_not_exist_is_not_asked_for(log):
    with pytest.raises(errors.Invalid):
        document.parse({"schema": 1, "require": [{"ima": {
            "reference_values": ["files"]}}]}, sets=_unknown, now=NOW)


def _unknown(name):
    raise errors.Unknown(name)
