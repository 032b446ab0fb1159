# SPDX-License-Identifier: Apache-2.0
"""From a draft to a verdict, and the same verdict again without the service.

The host is a captured one: its boot log and its files led to the registers
that its TPM quotes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex

import pytest
import yaml
from osc_lib import exceptions

from attestation_service.cmd import verify
from tests.fakes import logs
from tests.fakes.tpm import FakeTpm
from tests.fixtures.host import Host, profile

CAPTURED = logs.VECTORS / "hosts" / "sb-tcg"


class Measured(Host):
    """A host with a boot log and an IMA list, as they were captured."""

    def __init__(self, service):
        super().__init__(service, tpm=FakeTpm(
            ca=service.ca, host="host-1",
            pcrs=logs.pcrs_of("sb-tcg").values))
        self.boot_log = (CAPTURED / "bios_measurements").read_bytes()
        self.files = logs.load_ima(CAPTURED / "ima_bin")

    def measure(self, path, contents):
        entry = logs.ima_file(path, contents, template="ima-sig")
        self.files.entries.append(entry)
        self.tpm.extend(10, hashlib.sha256(entry.data).digest())

    def attest(self):
        self.service.clock.tick(seconds=10)
        return super().attest()

    def evidence(self, challenge, qualifying=None):
        found = super().evidence(challenge, qualifying)
        return dataclasses.replace(
            found, boot_log=self.boot_log, ima_offset=challenge.ima_offset,
            ima_log=self.files.dump()[challenge.ima_offset:])


@pytest.fixture
def measured(service):
    """A host of which evidence is kept."""
    profile(service, "any")
    host = Measured(service).enrol()
    host.attest()
    return host


@pytest.fixture
def drafted(admin, measured, tmp_path):
    """A profile that was drafted from it, in force."""
    path = tmp_path / "baseline.yaml"
    path.write_text(admin(
        "trusted profile draft --from-host host-1").out, "utf-8")
    admin(f"trusted profile create --file {path} baseline")
    return path


@pytest.fixture
def again(admin, service, capsys, tmp_path):
    """Download evidence and judge it; return what each profile's came to."""
    def judged(*more):
        folder = tmp_path / f"evidence-{len(list(tmp_path.iterdir()))}"
        rows = admin(f"trusted host evidence host-1 --output {folder} "
                     f"--trust {service.folder / 'trust-anchors'} "
                     f"{shlex.join(more)} -f json").json
        came_to = {}
        for row in rows:
            words = shlex.split(row["Judge again with"])
            status = verify.main([*words[1:], "--json"])
            told = json.loads(capsys.readouterr().out)
            assert told["tier"] == row["Tier then"]
            assert status == (0 if told["tier"] == "affirming" else 1)
            came_to[row["Profile"]] = told["findings"]
        return folder, came_to
    return judged


def findings(admin):
    """What the service explains of the profile's verdict."""
    client = admin._clients.trusted_launch
    (result,) = client.attester_explain("host-1", "baseline")["results"]
    return result["findings"]


def test_a_verdict_is_judged_again_without_the_service(
        admin, measured, drafted, again):
    measured.attest()
    folder, came_to = again()
    assert set(came_to) == {"any", "baseline"}
    assert came_to["baseline"] == findings(admin)
    assert {f["tier"] for f in came_to["baseline"]} == {"affirming"}
    assert {p.name for p in folder.iterdir()} >= {
        "ak.tpm2b_public", "quote.attest", "quote.sig", "pcrs.json",
        "bios_measurements", "ima_bin", "ek_ecc.der", "intermediate_0.der",
        "nonce", "profiles"}
    assert yaml.safe_load(drafted.read_text()) == json.loads(
        (folder / "profiles" / "baseline.json").read_text())

    measured.measure("/usr/bin/qemu-system-x86_64", b"changed")
    measured.attest()
    # A part of the list cannot be judged again: all of it comes next.
    measured.attest()
    _, came_to = again()
    (bad,) = [f for f in came_to["baseline"] if f["tier"] != "affirming"]
    assert bad in findings(admin)
    assert bad["subject"] == "entry 249: /usr/bin/qemu-system-x86_64"
    assert bad["actual"] == hashlib.sha256(b"changed").hexdigest()
    shown = admin("trusted host explain host-1 -f json").json
    assert [(f["Subject"], f["Actual"]) for f in shown] == [
        (bad["subject"], bad["actual"])]
    assert shown[0]["Expected"] and shown[0]["What to do"]


def test_files_in_a_set_of_their_own(admin, service, measured, again,
                                     tmp_path):
    path = tmp_path / "baseline.yaml"
    path.write_text(admin("trusted profile draft --from-host host-1 "
                          "--reference files").out, "utf-8")
    assert {"ima": {"reference_values": ["files"]}} in yaml.safe_load(
        path.read_text())["require"]
    admin(f"trusted profile create --file {path} baseline")
    admin("trusted host label --property region=eu host-1")
    profile(service, "region", require=[
        {"label": {"name": "region", "values": ["eu"]}}])
    measured.attest()
    folder, came_to = again()
    assert {f["tier"] for found in came_to.values() for f in found} == {
        "affirming"}
    assert set(came_to) == {"any", "baseline", "region"}
    kept = json.loads((folder / "reference_values" / "files.json"
                       ).read_text())
    assert (kept["kind"], len(kept["values"]) > 200) == ("ima", True)


def test_older_evidence_by_its_id(admin, service, measured, drafted, again):
    measured.attest()
    measured.measure("/bin/other", b"other")
    service.clock.tick(hours=2)
    measured.attest()
    kept = service.ask("admin", "GET", "/v1/attesters/host-1/evidence"
                       ).json()["evidence"]
    assert len(kept) == 3
    _, newest = again()
    _, older = again("--id", kept[1]["id"])
    assert {f["tier"] for f in older["baseline"]} == {"affirming"}
    assert "contraindicated" in {f["tier"] for f in newest["baseline"]}


@pytest.mark.usefixtures("drafted")
def test_a_changed_folder_is_not_the_verdicts(service, measured, again,
                                              capsys):
    measured.attest()
    folder, _ = again()
    data = bytearray((folder / "ima_bin").read_bytes())
    data[-5] ^= 1
    (folder / "ima_bin").write_bytes(data)
    assert verify.main([
        "evidence", str(folder), "--profile",
        str(folder / "profiles" / "baseline.json"), "--trust",
        str(service.folder / "trust-anchors"), "--nonce",
        (folder / "nonce").read_text(), "--at", "2026-11-25T12:00:00Z"]) == 1
    assert capsys.readouterr().err.startswith("evidence.unauthentic: ")


def test_a_draft_without_files_has_none_to_share(admin, service):
    profile(service)
    Host(service).enrol().attest()
    with pytest.raises(exceptions.CommandError, match="has no IMA list"):
        admin("trusted profile draft --from-host host-1 --reference files")
    assert "ima" not in admin(
        "trusted profile draft --from-host host-1 --no-files").out


def test_no_evidence_to_download(admin, service, measured, tmp_path):
    Host(service, "host-2", user="agent-two").enrol()
    with pytest.raises(exceptions.CommandError, match="no evidence"):
        admin(f"trusted host evidence host-2 --output {tmp_path / 'x'}")
    with pytest.raises(exceptions.CommandError, match="exists"):
        admin(f"trusted host evidence host-1 --output {tmp_path}")
    with pytest.raises(exceptions.CommandError, match="not_found"):
        admin("trusted host evidence host-1 --id none --output "
              f"{tmp_path / 'x'}")
