# SPDX-License-Identifier: Apache-2.0
"""attestation-verify evidence and draft, over the captured hosts."""

from __future__ import annotations

import gzip
import json
import pathlib
import shutil

import pytest

from attestation_service.core.tpm.structures import Public
from tests.fakes.ca import FakeCa
from tests.fakes.tpm import FakeTpm
from tests.unit.cmd.judging import NONCE, VECTORS, draft, judge, written

CLEAN = ("sb-tcg", "many")
HOSTS = (*CLEAN, "viol")


@pytest.fixture
def host(tmp_path):
    """Return a copy of a captured host, to be changed."""
    def copy(name="sb-tcg"):
        return pathlib.Path(shutil.copytree(VECTORS / "hosts" / name,
                                            tmp_path / name))
    return copy


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("form", ["profile.yaml", "profile.json"])
def test_a_draft_says_yes_to_its_host(capsys, tmp_path, name, form):
    folder = VECTORS / "hosts" / name
    path = written(tmp_path, draft(capsys, folder), form)
    status, out, err = judge(capsys, folder, path, "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told["tier"] == "affirming"
    assert {f["tier"] for f in told["findings"]} == {"affirming"}
    assert told["ak"] == (folder / "ak.name").read_bytes().hex()
    assert told["boot_log"]["secure_boot"] is True
    assert told["ima"] == {
        "entries": {"sb-tcg": 248, "many": 6493}[name], "in_flight": 0,
        "violations": 0}
    status, out, _ = judge(capsys, folder, path)
    assert status == 0
    assert "AFFIRMING under profile" in out


def test_a_host_with_violations_is_told_why_not(capsys, tmp_path):
    folder = VECTORS / "hosts" / "viol"
    path = written(tmp_path, draft(capsys, folder))
    status, out, err = judge(capsys, folder, path)
    assert status == 1
    assert err.startswith("host.not_affirming: ")
    assert "CONTRAINDICATED" in out
    assert "entry 211: /mnt/log1" in out
    bad = [f for f in json.loads(judge(
        capsys, folder, path, "--json")[1])["findings"]
        if f["tier"] != "affirming"]
    assert len(bad) == 2
    assert all(f["subject"] and f["action"] for f in bad)
    # Without the files it is as good as any.
    path = written(tmp_path, draft(capsys, folder, "--no-files"))
    assert judge(capsys, folder, path)[0] == 0


@pytest.mark.parametrize("name", [n for n in HOSTS if n != "sb-tcg"])
def test_a_draft_says_no_to_another_host(capsys, profile, name):
    """Other files, or another command line, than the model had."""
    status, out, err = judge(capsys, VECTORS / "hosts" / name, profile)
    assert status == 1
    assert err.startswith("host.not_affirming: ")
    assert "what to do: " in out


@pytest.mark.parametrize("nonce", [
    NONCE[:-1] + "e", "00" * 32, NONCE[:-2], NONCE + "00", "ff"])
def test_other_nonce_refused(capsys, profile, nonce):
    status, out, err = judge(capsys, VECTORS / "hosts" / "sb-tcg", profile,
                             nonce=nonce)
    assert (status, out) == (1, "")
    assert err.startswith("evidence.stale: ")


FILES = ("ak.name", "ak.tpm2b_public", "bios_measurements", "cmdline",
         "ek_ecc.der", "ek_rsa.der", "ima_ascii", "ima_bin", "pcrs.json",
         "quote.attest", "quote.sig")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("where", [0.03, 0.2, 0.35, 0.55])
def test_one_changed_byte_is_refused(capsys, host, profile, file, where):
    folder = host()
    data = bytearray((folder / file).read_bytes())
    data[int(where * len(data))] ^= 1
    (folder / file).write_bytes(data)
    status, out, err = judge(capsys, folder, profile, "--json")
    assert status in (1, 2)
    assert out == ""
    assert err.startswith("evidence.")


@pytest.mark.parametrize("file", [
    "ak.tpm2b_public", "quote.attest", "quote.sig", "pcrs.json"])
def test_what_all_evidence_has_may_not_be_missing(capsys, host, profile,
                                                  file):
    folder = host()
    (folder / file).unlink()
    status, out, err = judge(capsys, folder, profile)
    assert (status, out) == (2, "")
    assert err.startswith("attestation-verify: ")
    assert file in err


@pytest.mark.parametrize(("files", "rule"), [
    (("bios_measurements",), "boot-log"),
    (("ima_ascii", "ima_bin"), "ima")])
def test_a_missing_log_is_unknown(capsys, host, profile, files, rule):
    folder = host()
    for file in files:
        (folder / file).unlink()
    status, out, err = judge(capsys, folder, profile, "--json")
    assert status == 1
    assert err.startswith("host.not_affirming: ")
    told = json.loads(out)
    assert told["tier"] == "none"
    assert rule in {f["rule"] for f in told["findings"]
                    if f["tier"] == "none"}


def test_an_empty_boot_log_is_unknown(capsys, host, profile):
    folder = host()
    (folder / "bios_measurements").write_bytes(b"")
    assert judge(capsys, folder, profile)[0] == 1


def test_no_endorsement_no_trust(capsys, host, profile, tmp_path):
    folder = host()
    (folder / "ek_ecc.der").unlink()
    assert judge(capsys, folder, profile)[0] == 0
    (folder / "ek_rsa.der").unlink()
    status, out, err = judge(capsys, folder, profile)
    assert (status, out) == (1, "")
    assert err.startswith("evidence.unendorsed: ")
    other = tmp_path / "other"
    other.mkdir()
    (other / "ca.der").write_bytes(FakeCa().root.der)
    status, _, err = judge(capsys, host("many"), profile, trust=other)
    assert status == 1
    assert err.startswith("evidence.unendorsed: ")


@pytest.mark.parametrize("file", [
    "ak.tpm2b_public", "ak.name", "quote.attest", "quote.sig", "pcrs.json",
    "bios_measurements", "ima_bin", "ima_ascii", "cmdline"])
def test_another_hosts_file_is_refused(capsys, host, profile, file):
    folder = host()
    (folder / file).write_bytes(
        (VECTORS / "hosts" / "viol" / file).read_bytes())
    status, out, err = judge(capsys, folder, profile)
    assert (status, out) == (1, "")
    assert err.startswith("evidence.")


@pytest.mark.parametrize("file", ["ima_bin", "ima_ascii",
                                  "bios_measurements"])
def test_compressed_or_in_one_form_only(capsys, host, profile, file):
    folder = host()
    (folder / f"{file}.gz").write_bytes(
        gzip.compress((folder / file).read_bytes()))
    (folder / file).unlink()
    if file.startswith("ima"):
        (folder / {"ima_bin": "ima_ascii", "ima_ascii": "ima_bin"}[
            file]).unlink()
    assert judge(capsys, folder, profile)[0] == 0


def test_a_key_without_attributes_is_refused(capsys, host, profile):
    folder = host()
    (folder / "ak.name").unlink()
    assert judge(capsys, folder, profile)[0] == 0
    tpm = FakeTpm()
    (folder / "ak.tpm2b_public").write_bytes(tpm.ak_public)
    assert judge(capsys, folder, profile)[2].startswith(
        "evidence.unauthentic: ")
    assert Public.parse(tpm.ak_public).name


def test_no_folder_is_wrong_usage(capsys, profile, tmp_path):
    assert judge(capsys, tmp_path / "nothing", profile)[0] == 2
    assert judge(capsys, VECTORS / "hosts" / "sb-tcg", profile,
                 nonce="zz")[0] == 2
    assert judge(capsys, VECTORS / "hosts" / "sb-tcg",
                 tmp_path / "nothing")[0] == 2
