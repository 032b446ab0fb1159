# SPDX-License-Identifier: Apache-2.0
"""What a person sees in one line, a program gets as it is."""

from __future__ import annotations

import yaml

from tests.fixtures.host import profile


def test_table_has_one_line(host, admin):
    host.attest()
    assert "| baseline=affirming |" in admin("trusted host list").out


def test_values_are_for_shells(host, admin):
    host.attest()
    assert admin("trusted host list -f value -c Host -c Results").out == (
        "host-1 baseline=affirming\n")


def test_json_and_yaml_are_structured(host, admin):
    host.attest()
    expected = [{"Host": "host-1", "Results": {"baseline": "affirming"}}]
    line = "trusted host list -c Host -c Results -f"
    assert admin(f"{line} json").json == expected
    assert yaml.safe_load(admin(f"{line} yaml").out) == expected


def test_document_is_yaml_for_people(service, admin):
    profile(service)
    shown = admin("trusted profile show baseline -f json").json
    assert shown["document"]["schema"] == 1
    assert "schema: 1" in admin("trusted profile show baseline").out


def test_nothing_is_null_for_programs(host, admin):
    shown = admin("trusted host show host-1 -f json").json
    assert shown["last_seen_at"] is None
    assert "None" not in admin("trusted host show host-1").out


def test_withdrawn_results_are_not_shown(host, admin):
    host.attest()
    admin("trusted profile retire baseline")
    assert admin("trusted host list -f json").json[0]["Results"] == {}
    assert admin("trusted host show host-1 -f json").json["results"] == {}
