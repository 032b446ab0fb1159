# SPDX-License-Identifier: Apache-2.0
"""attestation-verify ek: exit status, code and sentence, fields."""

from __future__ import annotations

import json

import pytest

from tests.fakes.ca import FakeCa
from tests.fakes.tpm import FakeTpm
from tests.unit.cmd.judging import AT, VECTORS, run

ROOT = VECTORS / "ek-ca" / "swtpm-localca-rootca-cert.pem"
ISSUER = VECTORS / "ek-ca" / "issuercert.pem"
EK = VECTORS / "ek-certificates" / "ek_rsa.der"


@pytest.fixture
def trust(tmp_path):
    (tmp_path / "root.pem").write_bytes(ROOT.read_bytes())
    (tmp_path / "README").write_text("not a certificate")
    return tmp_path


def test_real_ek_certificate_is_verified(capsys, trust):
    status, out, err = run(capsys, "ek", EK, "--trust", trust,
                           "--intermediate", ISSUER, "--at", AT, "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told["verified"] is True
    assert told["hardware"] is False
    assert told["manufacturer"] == "id:00001014"
    assert told["subject"] == "CN=host-sb-tcg"
    assert told["anchor"] == "CN=swtpm-localca-rootca"
    assert told["not_after"].startswith("9999-12-31")
    assert len(told["ek_digest"]) == 64


def test_ek_certificate_in_words(capsys, trust):
    status, out, _ = run(capsys, "ek", EK, "--trust", trust,
                         "--intermediate", ISSUER, "--at", AT)
    assert status == 0
    assert "a software TPM" in out


def test_ek_of_a_hardware_tpm_as_of_now(capsys, tmp_path):
    ca = FakeCa()
    tpm = FakeTpm(ca=ca)
    (tmp_path / "ca.der").write_bytes(ca.intermediate.der)
    (tmp_path / "ek.crt").write_bytes(tpm.ek_certificate)
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "root.cer").write_bytes(ca.root.der)
    argv = ["ek", tmp_path / "ek.crt", "--trust", trust, "--intermediate",
            tmp_path / "ca.der"]
    status, out, _ = run(capsys, *argv)
    assert status == 0
    assert "a hardware TPM" in out
    assert "IFX SLB9672 id:000F0018" in out
    # An anchor in the subfolder vouches for software.
    (trust / "software").mkdir()
    (trust / "root.cer").rename(trust / "software" / "root.cer")
    status, out, _ = run(capsys, *argv)
    assert status == 0
    assert "a software TPM" in out


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z"])
def test_ek_certificate_at_another_time_refused(capsys, trust, at):
    status, out, err = run(capsys, "ek", EK, "--trust", trust,
                           "--intermediate", ISSUER, "--at", at)
    assert (status, out) == (1, "")
    assert err.startswith("evidence.unendorsed: ")


def test_ek_certificate_without_its_intermediate_refused(capsys, trust):
    assert run(capsys, "ek", EK, "--trust", trust, "--at", AT)[0] == 1


@pytest.mark.parametrize("spoil", [
    lambda d: d[:-1], lambda d: d + b"\xff" * 9, lambda d: b""])
def test_malformed_ek_certificate(capsys, trust, tmp_path, spoil):
    path = tmp_path / "ek"
    path.write_bytes(spoil(EK.read_bytes()))
    status, _, err = run(capsys, "ek", path, "--trust", trust, "--at", AT)
    assert status == 2
    assert err.startswith("evidence.malformed: ")


def test_malformed_intermediate(capsys, trust):
    status, _, err = run(capsys, "ek", EK, "--trust", trust,
                         "--intermediate", trust / "README", "--at", AT)
    assert status == 2
    assert "README" in err


@pytest.mark.parametrize("spoil", ["missing", "empty", "junk", "leaf"])
def test_nothing_to_trust_is_wrong_usage(capsys, tmp_path, spoil):
    folder = tmp_path / "trust"
    if spoil != "missing":
        folder.mkdir()
    if spoil == "junk":
        (folder / "x.pem").write_text("junk")
    if spoil == "leaf":
        (folder / "x.der").write_bytes(EK.read_bytes())
    status, out, err = run(capsys, "ek", EK, "--trust", folder, "--at", AT)
    assert (status, out) == (2, "")
    assert err.startswith("attestation-verify: ")


@pytest.mark.parametrize("at", ["yesterday", "2026-11-25T00:00:00"])
def test_time_that_is_none_is_wrong_usage(capsys, trust, at):
    assert run(capsys, "ek", EK, "--trust", trust, "--at", at)[0] == 2


def test_help_names_the_exit_status(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert "1 refused" in out
