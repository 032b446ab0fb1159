# SPDX-License-Identifier: Apache-2.0
"""Options, and the values made of them: no start on half a configuration."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from cryptography.hazmat.primitives import serialization
from oslo_config import cfg

from attestation_service import conf as options
from attestation_service import configured
from attestation_service.conf import opts
from attestation_service.flows.settings import Settings
from tests.fakes.ca import FakeCa
from tests.fakes.tpm import FakeTpm


@pytest.fixture
def conf(tmp_path):
    made = cfg.ConfigOpts()
    options.register_opts(made)
    made([], project="attestation-service", default_config_files=[])
    made.set_override("trust_anchors", str(tmp_path / "none"), "enrolment")
    return made


@pytest.mark.parametrize("opt", [
    pytest.param(opt, id=f"{group}.{opt.name}")
    for group, some in opts.list_opts() for opt in some])
def test_every_option_is_explained(opt):
    assert opt.help


def test_the_defaults_are_those_of_the_flows(conf):
    found, default = configured.settings(conf), Settings()
    assert dataclasses.replace(found, logs=default.logs) == default
    # A service has less patience than the offline tool.
    for limit in ("max_boot_log", "max_boot_events", "max_ima_log",
                  "max_ima_entries"):
        assert getattr(found.logs, limit) <= getattr(default.logs, limit)


def test_what_is_set_in_one_configuration_stays_there(conf):
    conf.set_override("page_size", 7, "api")
    other = cfg.ConfigOpts()
    options.register_opts(other)
    other([], project="attestation-service", default_config_files=[])
    assert (conf.api.page_size, other.api.page_size) == (7, 100)


def test_lives_are_in_seconds(conf):
    conf.set_override("session_lifetime", 30, "release")
    assert configured.settings(conf).session_life == datetime.timedelta(
        seconds=30)


@pytest.mark.parametrize(("text", "registers"), [
    ("0-9,14", {*range(10), 14}), ("7", {7}), ("0-23", set(range(24))),
    (" 1 , 3-4 ", {1, 3, 4}), ("5-5", {5})])
def test_registers_are_numbers_and_ranges(text, registers):
    assert configured.registers(text, "x") == registers


@pytest.mark.parametrize("text", [
    "", ",", "24", "0-24", "9-0", "-1", "1-", "a", "0x1", "1.5", "1;2",
    "0-9 14", "999", "1,,2"])
def test_what_is_no_register_stops_the_service(text):
    with pytest.raises(ValueError, match=r"\[release\] sealed_pcrs"):
        configured.registers(text, "[release] sealed_pcrs")


def test_without_anchors_nobody_is_endorsed(conf):
    assert configured.trust_anchors(conf).anchors == ()


def test_anchors_say_whether_they_vouch_for_hardware(conf, tmp_path):
    for option, ca in (("trust_anchors", FakeCa("maker")),
                       ("software_anchors", FakeCa("swtpm"))):
        folder = tmp_path / option
        folder.mkdir()
        (folder / "ca.pem").write_bytes(ca.root.certificate.public_bytes(
            serialization.Encoding.PEM))
        (folder / ".hidden").write_text("not read")
        conf.set_override(option, str(folder), "enrolment")
    found = configured.trust_anchors(conf).anchors
    assert {(a.certificate.subject.rfc4514_string(), a.hardware)
            for a in found} == {("CN=maker root", True),
                                ("CN=swtpm root", False)}


@pytest.mark.parametrize("spoilt", [b"", b"text", None])
def test_a_file_that_is_no_ca_stops_the_service(conf, tmp_path, spoilt):
    if spoilt is None:
        spoilt = FakeTpm().ek_certificate
    (tmp_path / "x.der").write_bytes(spoilt)
    conf.set_override("trust_anchors", str(tmp_path), "enrolment")
    with pytest.raises(ValueError, match="certificates"):
        configured.trust_anchors(conf)


def test_approved_eks_are_digests(conf, tmp_path):
    assert configured.approved_eks(conf) == frozenset()
    path = tmp_path / "eks"
    path.write_text(f"# rack 1\n{'ab' * 32}  # host-1\n\n{'cd' * 32}\n")
    conf.set_override("approved_eks_file", str(path), "enrolment")
    assert configured.approved_eks(conf) == {b"\xab" * 32, b"\xcd" * 32}


@pytest.mark.parametrize("line", ["ab" * 31, "AB" * 32, "ab" * 33, "host"])
def test_a_line_that_is_no_digest_stops_the_service(conf, tmp_path, line):
    (tmp_path / "eks").write_text(line)
    conf.set_override("approved_eks_file", str(tmp_path / "eks"),
                      "enrolment")
    with pytest.raises(ValueError, match="eks"):
        configured.approved_eks(conf)


def test_an_absent_list_of_approved_eks_stops_the_service(conf, tmp_path):
    conf.set_override("approved_eks_file", str(tmp_path / "none"),
                      "enrolment")
    with pytest.raises(OSError, match="none"):
        configured.approved_eks(conf)
