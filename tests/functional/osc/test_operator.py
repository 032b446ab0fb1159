# SPDX-License-Identifier: Apache-2.0
"""What an operator types, from enrolment to a new version of a profile."""

from __future__ import annotations

import json

import pytest
from osc_lib import exceptions

from tests.fixtures.host import Host, profile

DIGEST = "ab" * 32


def test_host_from_enrolment_to_retirement(service, admin):
    profile(service)
    host = Host(service).enrol(approve=False)
    (pending,) = admin("trusted host list --state pending -f json").json
    assert (pending["Host"], pending["State"]) == ("host-1", "pending")

    assert admin("trusted host approve host-1 -f json").json[
        "state"] == "approved"
    host.attest()

    (listed,) = admin("trusted host list -f json").json
    assert listed["Results"] == {"baseline": "affirming"}
    shown = admin("trusted host show host-1 -f json").json
    assert shown["results"]["baseline"].startswith("affirming until ")
    assert shown["ek_digest"]
    (past,) = admin("trusted host history host-1 -f json").json
    assert (past["Profile"], past["Tier"]) == ("baseline", "affirming")

    admin("trusted host retire host-1")
    assert admin("trusted host list -f json").json[0]["State"] == "retired"


def test_approval_waits_for_a_result(service, admin):
    profile(service)
    host = Host(service).enrol()
    host.attest()
    outcome = admin("trusted host approve --wait host-1 -f json")
    assert outcome.json["state"] == "approved"


def test_approval_does_not_wait_for_ever(service, admin):
    Host(service).enrol(approve=False)
    with pytest.raises(exceptions.CommandError, match="not within 0 seconds"):
        admin("trusted host approve --wait --timeout 0 host-1")


def test_labels_are_added_and_removed(host, admin):
    admin("trusted host label --property region=eu --property rack=7 host-1")
    left = admin("trusted host label --no-property rack host-1 -f json").json
    assert left["labels"] == {"region": "eu"}


def test_attest_now_reaches_the_agent(service, host, admin):
    admin("trusted host attest host-1")
    admin("trusted host attest")
    assert service.agents.asked[-2:] == ["host-1", None]


def test_explain_tells_what_is_wrong_and_what_to_do(service, host, admin):
    profile(service, "strict", require=[
        {"label": {"name": "region", "values": ["eu"]}}])
    host.attest()
    outcome = admin("trusted host explain host-1 -f json")
    assert {f["Profile"] for f in outcome.json} == {"strict"}
    assert all(f["What to do"] and f["Tier"] != "affirming"
               for f in outcome.json)
    everything = admin("trusted host explain --all host-1 -f json").json
    assert {f["Profile"] for f in everything} == {"baseline", "strict"}


def test_profile_from_a_draft_to_a_second_version(
        service, admin, tmp_path):
    host = Host(service).enrol()
    profile(service, "any")
    host.attest()
    drafted = tmp_path / "baseline.yaml"
    drafted.write_text(
        admin("trusted profile draft --from-host host-1").out, "utf-8")

    made = admin(f"trusted profile create --file {drafted} --description D "
                 "baseline -f json").json
    assert (made["active_version"], made["description"]) == (1, "D")
    second = tmp_path / "second.json"
    second.write_text(json.dumps({"schema": 1, "require": [
        {"label": {"name": "region", "values": ["eu"]}}]}), "utf-8")
    (change,) = admin(
        f"trusted profile preview --file {second} --host host-1 -f json"
    ).json
    assert change["Host"] == "host-1"
    assert change["Why"]
    admin(f"trusted profile create --version --no-activate --file {second} "
          "baseline")
    assert [v["Version"] for v in admin(
        "trusted profile version list baseline -f json").json] == [1, 2]
    assert "+" in admin("trusted profile diff baseline 1 2").out
    assert admin("trusted profile show baseline -f json").json[
        "active_version"] == 1
    changed = admin("trusted profile set --activate 2 --project p1 "
                    "--description E baseline -f json").json
    assert (changed["active_version"], changed["description"]) == (2, "E")
    assert admin("trusted profile set --public baseline -f json").json[
        "projects"] in {None, ""}
    shown = admin("trusted profile show --version 1 baseline -f json").json
    assert "require" in shown["document"]
    assert {p["Name"] for p in admin(
        "trusted profile list -f json").json} == {"any", "baseline"}
    admin("trusted profile retire baseline")
    host.attest()
    assert "baseline" not in admin("trusted host list -f json").json[0][
        "Results"]


def test_reference_values(admin, tmp_path):
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{DIGEST}  bin/sh\n", "utf-8")
    made = admin(f"trusted reference create --sha256sums {sums} "
                 "--provenance 'release 1' --days 30 debian -f json").json
    assert (made["name"], made["values"]) == ("debian", 1)
    assert admin("trusted reference show debian -f json").json == [
        {"Digest": DIGEST, "Names": ["/bin/sh"]}]
    assert [r["Name"] for r in admin(
        "trusted reference list -f json").json] == ["debian"]
    admin("trusted reference delete debian")
    assert admin("trusted reference list -f json").json == []


@pytest.mark.parametrize("line", [
    "trusted profile create --file {missing} p",
    "trusted profile preview --file {binary}",
    "trusted profile create --file {broken} p",
    "trusted reference create --sha256sums {binary} --provenance x r",
    "trusted reference create --sha256sums {missing} --provenance x r",
    "trusted log verify --keys {missing}",
    "trusted log verify --keys {broken}",
    "trusted log verify --keys {list}",
    "trusted key create --file {missing} k"])
def test_unreadable_file_is_named(admin, tmp_path, line):
    files = {"missing": None, "binary": b"\xff\xfe", "broken": b"{a: [",
             "list": b"[]"}
    for name, content in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    with pytest.raises(exceptions.CommandError, match=str(tmp_path)):
        admin(line.format(**{n: tmp_path / n for n in files}))


def test_refusal_has_code_and_advice(admin):
    with pytest.raises(exceptions.CommandError,
                       match=r"attester\.unknown: .+\n.+"):
        admin("trusted host show nobody")
