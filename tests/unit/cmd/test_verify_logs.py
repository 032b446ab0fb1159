# SPDX-License-Identifier: Apache-2.0
"""``attestation-verify boot-log`` and ``ima-log``, as people call them."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest

from attestation_service.cmd import verify, verify_ima_log
from tests.fakes import logs
from tests.unit.core.bootlog.captured import HOSTS, LOGS

VERIFIED, REFUSED, MALFORMED = 0, 1, 2


@pytest.fixture
def call(tmp_path, capsys):
    """Write files, run the command, return status, stdout, stderr."""
    def run(command, *args, **files):
        for name, data in files.items():
            (tmp_path / name).write_bytes(
                data if isinstance(data, bytes) else json.dumps(
                    data).encode())
        status = verify.main([command, *(
            str(tmp_path / a) if a in files else str(a) for a in args)])
        out, err = capsys.readouterr()
        return status, out, err
    return run


def hexed(values):
    return {str(i): value.hex() for i, value in values.items()}


@pytest.fixture
def log():
    return logs.secure_log(algs=(4, 11))


# boot-log

@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_real_logs(call, path):
    status, out, _ = call("boot-log", path, "--pcrs",
                          path.with_suffix(".pcrs.json"))
    assert status == VERIFIED
    assert "are equal" in out
    assert "does not hash" not in out


@pytest.mark.parametrize("host", HOSTS)
def test_captured_hosts(call, host):
    folder = logs.VECTORS / "hosts" / host
    status, out, _ = call("boot-log", folder / "bios_measurements",
                          "--pcrs", folder / "pcrs.json", "--json")
    assert status == VERIFIED
    found = json.loads(out)
    assert len(found["events"]) == 47
    given = json.loads((folder / "pcrs.json").read_text())
    assert found["banks"] == {"sha256": {
        i: value for i, value in given.items()
        if int(i) in (*range(10), 14)}}


def test_json(call, log):
    log.sizes[0x7777] = 2
    log.add(4, logs.BOOT_APPLICATION, b"label", measured=b"image")
    log.no_action(b"x")
    for event in log.events:
        event.digests[0x7777] = b"zz"
    log.events[3].digests.pop(4)
    status, out, _ = call("boot-log", "f", "--json", f=log.dump())
    found = json.loads(out)
    assert status == VERIFIED
    assert found["banks"]["sha256"] == {
        i: value for i, value in hexed(log.registers()).items()
        if int(i) < 8}
    assert set(found["banks"]) == {"sha1", "sha256"}
    assert found["events"][0] == {
        "number": 0, "register": 0, "type": "EV_S_CRTM_VERSION",
        "digests": {"sha1": log.events[0].digests[4].hex(),
                    "sha256": log.events[0].digests[11].hex(),
                    "0x7777": "7a7a"},
        "measured": "event", "tampered": False,
        "data": log.events[0].data.hex(), "text": "Firmware 1"}
    assert set(found["events"][3]["digests"]) == {"sha256", "0x7777"}
    assert [(e["measured"], e["tampered"]) for e in found["events"][-2:]] == [
        (None, False), (None, False)]


def test_a_log_of_no_bank_we_know(call):
    log = logs.BootLog((11,), {0x7777: 32})
    log.events.append(logs.Event(0, logs.SEPARATOR, {0x7777: b"d" * 32},
                                 bytes(4)))
    status, out, _ = call("boot-log", "f", "--json", f=log.dump())
    assert status == VERIFIED
    assert json.loads(out)["banks"] == {}
    assert json.loads(out)["events"][0]["measured"] is None
    status, _, err = call("boot-log", "f", "--pcrs", "p", f=log.dump(),
                          p={"0": "00" * 32})
    assert status == REFUSED and "(none)" in err


def test_tampered_data_is_told(call, log):
    log.events[2].data += b"x"
    status, out, _ = call("boot-log", "f", f=log.dump())
    assert status == VERIFIED
    assert "Event 2 (EV_EFI_VARIABLE_DRIVER_CONFIG): its data does not" in out
    _, out, _ = call("boot-log", "f", "--json", f=log.dump())
    assert json.loads(out)["events"][2]["tampered"] is True


def test_people_see_registers_and_types(call, log):
    _, out, _ = call("boot-log", "f", f=log.dump())
    assert f"   7 {log.registers()[7].hex()}" in out
    assert f"{len(log.events)} events" in out
    assert "    8 EV_SEPARATOR" in out
    assert "equal" not in out


@pytest.mark.parametrize("shape", [
    lambda log: hexed(log.registers()),
    lambda log: {"sha256": hexed(log.registers())},
    lambda log: {"SHA1": hexed(log.registers(4)),
                 "sha256": hexed(log.registers())},
    lambda log: {"sha1": hexed(log.registers(4)), "sm3_256": {"0": "00"}},
    # Registers of which the log says nothing.
    lambda log: {**hexed(log.registers()), "10": "ab" * 32},
])
def test_equal_registers(call, log, shape):
    assert call("boot-log", "f", "--pcrs", "p", f=log.dump(),
                p=shape(log))[0] == VERIFIED


@pytest.mark.parametrize("bank, alg", [("sha1", 4), ("sha256", 11)])
@pytest.mark.parametrize("register", [0, 4, 7])
def test_a_register_that_differs(call, log, bank, alg, register):
    values = hexed(log.registers(alg))
    values[str(register)] = "ab" * (len(values["0"]) // 2)
    status, _, err = call("boot-log", "f", "--pcrs", "p", f=log.dump(),
                          p={bank: values})
    assert status == REFUSED
    assert f"{bank} register {register} replays to" in err
    assert err.count("replays to") == 1


@pytest.mark.parametrize("pcrs", [
    {"sha384": {"0": "00" * 48}}, {"sha256": {"12": "00" * 32}},
    {"sha256": {}}])
def test_nothing_to_compare(call, log, pcrs):
    status, _, err = call("boot-log", "f", "--pcrs", "p", f=log.dump(),
                          p=pcrs)
    assert status == REFUSED and "nothing to compare" in err


@pytest.mark.parametrize("pcrs", [
    b"no json", [], {}, {"sha256": []}, {"sha256": {"zero": "00"}},
    {"sha256": {"0": "xx"}}, {"0": ""}])
def test_pcrs_that_cannot_be_read(call, log, pcrs):
    assert call("boot-log", "f", "--pcrs", "p", f=log.dump(),
                p=pcrs)[0] == MALFORMED


def test_what_is_no_log(call):
    status, _, err = call("boot-log", "f", f=b"no log")
    assert status == MALFORMED and err.startswith("evidence.malformed: ")


# ima-log

@pytest.fixture
def files():
    return logs.ImaList([
        logs.ima_file("boot_aggregate"), logs.ima_file("/a", b"a"),
        logs.ima_file("/log", violation=True), logs.ima_file("/b", b"b"),
        logs.ima_file("/other", register=11)])


@pytest.mark.parametrize("name", ["ima_ascii", "ima_bin"])
@pytest.mark.parametrize("host, entries", [
    ("sb-tcg", 248), ("many", 6493), ("viol", 253)])
def test_captured_lists(call, host, entries, name):
    path = logs.VECTORS / "hosts" / host / name
    path = path if path.exists() else path.with_name(name + ".gz")
    value = logs.pcrs_of(host).values[10].hex()
    status, out, _ = call("ima-log", path, "--pcr10", value, "--json")
    assert status == VERIFIED
    assert json.loads(out) == {
        "entries": entries, "violations": 2 if host == "viol" else 0,
        "bank": "sha256", "pcr10": value, "reached": entries,
        "quirk": None}


@pytest.mark.parametrize("form", ["dump", "ascii"])
@pytest.mark.parametrize("zipped", [bytes, gzip.compress])
def test_every_form_of_a_list(call, files, form, zipped):
    status, out, _ = call("ima-log", "f", "--json",
                          f=zipped(getattr(files, form)()))
    assert status == VERIFIED
    assert json.loads(out) == {
        "entries": 5, "violations": 1, "bank": "sha256",
        "pcr10": files.value().hex(), "reached": None, "quirk": None}


@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("count", range(5))
def test_where_a_value_is_reached(call, files, bank, count):
    value = logs.ImaList(files.entries[:count]).value(bank).hex().upper()
    status, out, _ = call("ima-log", "f", "--pcr10", value, f=files.dump())
    assert status == VERIFIED
    assert f"reached after entry {count}." in out
    assert out.startswith("5 entries, 1 violations\n" + bank)


@pytest.mark.parametrize("value, status", [
    (hashlib.sha256(b"x").hexdigest(), REFUSED), ("abcd", MALFORMED),
    ("xyz", MALFORMED), ("", MALFORMED)])
def test_a_value_that_is_never_reached(call, files, value, status):
    assert call("ima-log", "f", "--pcr10", value, f=files.dump())[0] == status


def test_an_entry_that_was_changed(call, files):
    files.entries[1].claimed = b"\1" * 20
    status, _, err = call("ima-log", "f", f=files.dump())
    assert status == REFUSED and err.startswith("evidence.unauthentic: ")


@pytest.mark.parametrize("data", [
    b"", b"no list", gzip.compress(b"no list"), b"\x1f\x8bno gzip",
    gzip.compress(logs.ima_file("/a").dump())[:-9],
    logs.ima_file("/a").dump()[:-1]])
def test_files_that_cannot_be_read(call, data):
    assert call("ima-log", "f", f=data)[0] == MALFORMED


def test_a_small_file_does_not_become_an_endless_one(call, monkeypatch):
    monkeypatch.setattr(verify_ima_log, "MAX_SIZE", 1000)
    status, _, err = call("ima-log", "f", f=gzip.compress(bytes(5000)))
    assert status == MALFORMED and err.startswith("evidence.too_large: ")
