# SPDX-License-Identifier: Apache-2.0
"""attestation-verify quote: exit status, code and sentence, fields."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from attestation_service.core.tpm.structures import Public, tpm2b
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from tests.fakes.tpm import AK_ATTRIBUTES, FakeTpm, public_area
from tests.unit.cmd.judging import NONCE, VECTORS, run


class Files:
    """A quote in files; each may be replaced."""

    def __init__(self, folder, tpm):
        self.folder, self.tpm = folder, tpm
        attest, signature = tpm.quote(bytes.fromhex(NONCE), PcrSelection(
            HashAlg.SHA256, frozenset({0, 7})))
        self.given = {"ak": tpm.ak_public, "attest": attest,
                      "signature": signature}

    def argv(self, *more, nonce=NONCE):
        for name, data in self.given.items():
            (self.folder / name).write_bytes(data)
        files = [a for name in self.given
                 for a in (f"--{name}", self.folder / name)]
        return ["quote", *files, "--nonce", nonce, *more]

    def pcrs(self, value):
        path = self.folder / "pcrs.json"
        path.write_text(value if isinstance(value, str)
                        else json.dumps(value))
        return "--pcrs", path

    def sign(self, attest):
        self.given |= {"attest": attest, "signature": self.tpm.sign(attest)}


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path, FakeTpm(pcrs={0: b"\1" * 32, 7: b"\7" * 32}))


PCRS = {"0": "01" * 32, "7": "07" * 32}


@pytest.mark.parametrize("kind", ["cli-ecc", "cli-rsa"])
def test_real_quotes_are_verified(capsys, kind):
    folder = VECTORS / "quotes" / kind
    status, out, err = run(
        capsys, "quote", "--ak", folder / "ak.tpm2b_public", "--attest",
        folder / "quote.attest", "--signature", folder / "quote.sig",
        "--nonce", NONCE, "--pcrs", folder / "pcrs.json", "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told["verified"] is True
    assert told["ak"]["name"] == (folder / "ak.name").read_bytes().hex()
    assert told["ak"]["attributes_judged"] is True
    assert told["pcrs"] == {"sha256": json.loads(
        (folder / "pcrs.json").read_text())}
    assert (told["reset_count"], told["restart_count"], told["safe"]) == (
        10, 0, True)
    assert told["nonce"] == NONCE
    assert told["selection"] == {"sha256": list(range(15))}


@pytest.mark.parametrize("form", ["TPMT", "TPM2B"])
def test_key_in_either_form(capsys, files, form):
    if form == "TPM2B":
        files.given["ak"] = tpm2b(files.given["ak"])
    status, out, _ = run(capsys, *files.argv())
    assert status == 0
    assert files.tpm.ak.name.hex() in out
    assert "only their digest is proven" in out


def pem_of(tpm):
    return Public.parse(tpm.ak_public).key.public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo)


def test_key_in_pem_is_verified_and_its_limits_told(capsys, files):
    files.given["ak"] = pem_of(files.tpm)
    status, out, _ = run(capsys, *files.argv(*files.pcrs(PCRS)))
    assert status == 0
    assert "cannot be judged" in out
    _, out, _ = run(capsys, *files.argv("--json"))
    assert json.loads(out)["ak"] == {
        "attributes_judged": False, "hash": "sha256", "name": None,
        "scheme": "ecdsa"}


def test_key_in_pem_takes_no_sha1_signature(capsys, files):
    files.given["ak"] = pem_of(files.tpm)
    files.given["signature"] = (
        b"\x00\x18\x00\x04" + files.given["signature"][4:])
    status, _, err = run(capsys, *files.argv())
    assert status == 1
    assert err.startswith("evidence.unendorsed: ")


@pytest.mark.parametrize(("pem", "status"), [
    (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 2),
    (ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo), 1)])
def test_other_pem_refused(capsys, files, pem, status):
    files.given["ak"] = pem
    assert run(capsys, *files.argv())[0] == status


@pytest.mark.parametrize("value", [
    PCRS, {"sha256": PCRS}, {"SHA256": PCRS},
    {k: v.upper() for k, v in PCRS.items()},
    {k: "0x" + v for k, v in PCRS.items()},
    PCRS | {"9": "09" * 32},
    {"sha256": PCRS, "sha1": {"0": "00" * 20}},
    {"sha256": PCRS, "sha384": {"0": "00" * 48}}])
def test_values_in_either_form_and_more_than_are_quoted(capsys, files, value):
    status, out, err = run(capsys, *files.argv(*files.pcrs(value), "--json"))
    assert (status, err) == (0, "")
    assert json.loads(out)["pcrs"] == {"sha256": PCRS}


@pytest.mark.parametrize("value", [
    PCRS | {"7": "00" * 32}, {"0": PCRS["0"]},
    {"4": PCRS["0"], "8": PCRS["7"]}, {"0": PCRS["7"], "7": PCRS["0"]},
    {"sha384": {"0": "00" * 48, "7": "00" * 48}},
    {"sha1": {"0": "00" * 20, "7": "00" * 20}}])
def test_other_values_refused(capsys, files, value):
    status, out, err = run(capsys, *files.argv(*files.pcrs(value), "--json"))
    assert (status, out) == (1, "")
    assert err.startswith("evidence.unauthentic: ")


@pytest.mark.parametrize("value", [
    {}, [], "{", '{"0": "00", "0": "00"}', {"0": "00"}, {"0": "zz" * 32},
    {"0": ""}, {"0": 0}, {"x": "00" * 32}, {"00": "00" * 32},
    {"24": "00" * 32}, {"-1": "00" * 32}, {"md5": PCRS}, {"sha256": "x"},
    {"sha256": {}}, {"sha256": {"0": 1}}, {"sha256": PCRS, "0": "00" * 32},
    {"sha256": []}, {"sha256": PCRS, "SHA256": PCRS}])
def test_values_in_another_form_are_malformed(capsys, files, value):
    status, out, err = run(capsys, *files.argv(*files.pcrs(value)))
    assert (status, out) == (2, "")
    assert err.startswith("evidence.malformed: ")


@pytest.mark.parametrize("nonce", [
    NONCE[:-2], NONCE + "00", "00" * 32, "ff", NONCE[2:]])
def test_other_nonce_refused(capsys, files, nonce):
    status, out, err = run(capsys, *files.argv(nonce=nonce))
    assert (status, out) == (1, "")
    assert err.startswith("evidence.stale: ")


def test_nonce_in_either_case(capsys, files):
    assert run(capsys, *files.argv(nonce=NONCE.upper()))[0] == 0
    assert run(capsys, *files.argv(nonce="0x" + NONCE))[0] == 0


@pytest.mark.parametrize("nonce", ["", "0", "zz", "0x"])
def test_nonce_that_is_no_hex_is_wrong_usage(capsys, files, nonce):
    status, out, err = run(capsys, *files.argv(nonce=nonce))
    assert (status, out) == (2, "")
    assert "--nonce" in err


def test_other_key_refused(capsys, files):
    files.given["ak"] = FakeTpm().ak_public
    status, _, err = run(capsys, *files.argv())
    assert status == 1
    assert err.startswith("evidence.unauthentic: ")


def test_key_that_may_not_attest_refused(capsys, files):
    key = files.tpm._ak_key
    files.given["ak"] = public_area(
        key.public_key(), AK_ATTRIBUTES & ~0x00010000,
        scheme=bytes.fromhex("0018000b"))
    status, _, err = run(capsys, *files.argv())
    assert status == 1
    assert err.startswith("evidence.unendorsed: ")


@pytest.mark.parametrize("at", [0, 5, 50, 80, -1])
def test_changed_quote_refused(capsys, files, at):
    attest = bytearray(files.given["attest"])
    attest[at] ^= 1
    files.given["attest"] = bytes(attest)
    status, _, err = run(capsys, *files.argv())
    assert status == 1
    assert err.startswith("evidence.unauthentic: ")


@pytest.mark.parametrize("name", ["ak", "attest", "signature"])
@pytest.mark.parametrize("spoil", [
    lambda d: d[:-1], lambda d: d + b"\0", lambda d: b"",
    lambda d: b"garbage", lambda d: d[:10]],
    ids=["cut", "tail", "empty", "garbage", "short"])
def test_malformed_file_is_told(capsys, files, name, spoil):
    files.given[name] = spoil(files.given[name])
    status, out, err = run(capsys, *files.argv())
    assert (status, out) == (2, "")
    assert err.startswith("evidence.malformed: ")


def test_signed_but_no_quote_is_malformed(capsys, files):
    files.sign(files.given["attest"][:4] + b"\x80\x17"
               + files.given["attest"][6:])
    assert run(capsys, *files.argv())[0] == 2


def quoted(files, banks):
    body = len(banks).to_bytes(4)
    for alg, registers in banks:
        bits = sum(1 << i for i in registers)
        body += alg.to_bytes(2) + b"\3" + bits.to_bytes(3, "little")
    files.sign(files.tpm.attest(
        0x8018, bytes.fromhex(NONCE), body + tpm2b(HashAlg.SHA256.digest(
            b"\2" * 48 + b"\1" * 32 if len(banks) > 1 else b""))))


def test_two_banks_in_the_quotes_order(capsys, files):
    quoted(files, [(0x000C, {3}), (0x000B, {0})])
    value = {"sha256": {"0": "01" * 32}, "sha384": {"3": "02" * 48}}
    status, out, _ = run(capsys, *files.argv(*files.pcrs(value)))
    assert status == 0
    assert "sha384 3; sha256 0" in out


@pytest.mark.parametrize(("alg", "label"), [
    (0x0004, "sha1"), (0x0012, "sm3_256"), (0x0027, "0x0027")])
def test_quote_over_a_bank_that_proves_nothing_refused(capsys, files, alg,
                                                       label):
    quoted(files, [(alg, {0})])
    status, _, err = run(capsys, *files.argv())
    assert status == 1
    assert label in err


def test_quote_over_no_register_refused(capsys, files):
    quoted(files, [])
    assert run(capsys, *files.argv())[0] == 1


def test_unsafe_clock_is_told(capsys, files):
    files.tpm.safe = False
    attest, _ = files.tpm.quote(bytes.fromhex(NONCE))
    files.sign(attest)
    assert "NOT safe" in run(capsys, *files.argv())[1]


def test_rsa_quote_with_another_scheme_refused(capsys):
    folder = VECTORS / "quotes" / "cli-rsa"
    status, _, _ = run(
        capsys, "quote", "--ak", folder / "ak.tpm2b_public", "--attest",
        folder / "quote.attest", "--signature",
        VECTORS / "quotes" / "cli-ecc" / "quote.sig", "--nonce", NONCE)
    assert status == 1


@pytest.mark.parametrize("argv", [
    [], ["quote"], ["other"], ["quote", "--nonce", NONCE], ["ek"],
    ["ek", "CERT"]])
def test_wrong_usage(capsys, argv):
    assert run(capsys, *argv)[0] == 2


def test_missing_and_huge_files_are_wrong_usage(capsys, files):
    argv = files.argv()
    (files.folder / "attest").unlink()
    status, _, err = run(capsys, *argv)
    assert status == 2
    assert "No such file" in err
    files.given["attest"] = bytes(1024 * 1024 + 1)
    status, _, err = run(capsys, *files.argv())
    assert status == 2
    assert "larger" in err
