# SPDX-License-Identifier: Apache-2.0
"""Fuzz everything that reads boot logs; see README.rst."""

from __future__ import annotations

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["attestation_service"]):
    from attestation_service.core.bootlog import efi, tcg
    from attestation_service.core.bootlog.display import describe
    from attestation_service.core.bootlog.facts import BootFacts
    from attestation_service.core.bootlog.replay import (
        replay, replay_banks)
    from attestation_service.core.errors import (
        EvidenceError, MalformedEvidence)

from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fuzz import corpus

ZEROS = {alg: dict.fromkeys(range(24), bytes(alg.size)) for alg in HashAlg}


def one_input(data):
    try:
        log = tcg.parse(data, max_events=2000)
        banks = replay_banks(log)
        list(describe(log))
    except MalformedEvidence:
        _structures(data)
        return
    for alg in HashAlg:
        if alg.label in banks:
            _facts(log, PcrBank(alg, {**ZEROS[alg], **banks[alg.label]}))


def _facts(log, pcrs):
    """Read every fact of a log that leads to these registers."""
    try:
        facts = BootFacts(replay(log, pcrs))
    except EvidenceError:
        return
    chain, state = facts.chain, facts.secure_boot
    for authority in state.authorities:
        assert authority.signature is None or authority.signature.fingerprint
    for found in state.databases.values():
        for signature in found:
            assert signature.fingerprint is not None
            assert signature.subject is None or signature.subject
    proven = {event.digest for event in facts.events.of(*range(24))}
    for measurement in (*chain.firmware, *chain.drivers, *chain.images,
                        *chain.files, *chain.machine_owner):
        assert measurement.digest in proven
    if state.enabled:
        assert any(a.signature for a in state.authorities)


def _structures(data):
    for parse in (efi.Variable.parse, efi.signature_database,
                  efi.PartitionTable.parse, efi.authority, efi.image_path):
        with contextlib.suppress(MalformedEvidence):
            parse(data)


def main():
    corpus.plant(sys.argv, corpus.boot_logs())
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
