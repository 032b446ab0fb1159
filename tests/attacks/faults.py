# SPDX-License-Identifier: Apache-2.0
"""The faults of ``tests/vectors/faults``, sent to the real core."""

from __future__ import annotations

import json

import pytest

from attestation_service.core import errors
from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.ima.appraise import Appraiser, FileReferences
from attestation_service.core.ima.facts import ima_facts
from attestation_service.core.ima.log import file_facts
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs
from tests.vectors import build

BOOT = (1, 0)
HOST = logs.VECTORS / "hosts" / "sb-tcg"
FAULTS = sorted(path.parent.name
                for path in build.FAULTS.glob("*/expected.json"))


def of(attack):
    prefix = attack + "-"
    found = [name for name in FAULTS if name.startswith(prefix)]
    assert found
    return pytest.mark.parametrize("fault", found)


def registers(folder):
    (label, values), = json.loads(
        (folder / "pcrs.json").read_text()).items()
    return PcrBank(HashAlg.from_label(label), {
        int(i): bytes.fromhex(value) for i, value in values.items()})


def appraiser():
    """Know every file of the captured host."""
    found = ima_facts((HOST / "ima_bin").read_bytes(),
                      logs.pcrs_of("sb-tcg"), boot=BOOT)
    entries = [found.list.entry(raw) for chunk in found.list.chunks()
               for raw in chunk.entries]
    return Appraiser("captured", FileReferences([
        (f.algorithm, f.digest, f.path) for f in map(file_facts, entries)]))


def comes_to_what_it_says(fault):
    folder = build.FAULTS / fault
    expected = json.loads((folder / "expected.json").read_text())
    pcrs = registers(folder)
    boot_log, ima_list = folder / "boot_log", folder / "ima_list"
    if "code" in expected:
        with pytest.raises(errors.EvidenceError) as caught:
            if boot_log.exists():
                boot_facts(boot_log.read_bytes(), pcrs)
            else:
                ima_facts(ima_list.read_bytes(), pcrs, boot=BOOT)
        assert str(caught.value.code) == expected["code"]
    elif boot_log.exists():
        _boot_facts_are(expected, boot_facts(boot_log.read_bytes(), pcrs))
    else:
        facts = ima_facts(ima_list.read_bytes(), pcrs, boot=BOOT)
        bad, = facts.tally(appraiser()).bad
        assert bad.verdict.value == expected["verdict"]


def _boot_facts_are(expected, facts):
    if "boot" in expected:
        assert facts is None
    if "secure_boot" in expected:
        assert facts.secure_boot.enabled is expected["secure_boot"]
    if "shim_validates" in expected:
        assert facts.secure_boot.shim_validates is expected["shim_validates"]
    if "command_line" in expected:
        assert expected["command_line"] in [
            line.text for line in facts.chain.command_lines]
