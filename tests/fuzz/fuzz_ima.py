# SPDX-License-Identifier: Apache-2.0
"""Fuzz everything that reads IMA lists; see README.rst.

Each input is replayed against the register it leads to by a slow and simple
reading of the same list, so that the fast one must agree with it.
"""

from __future__ import annotations

import hashlib
import re
import sys

import atheris

with atheris.instrument_imports(include=["attestation_service"]):
    from attestation_service.core.errors import EvidenceError
    from attestation_service.core.ima import log
    from attestation_service.core.ima.appraise import (
        Appraiser, FileReferences)
    from attestation_service.core.ima.facts import ima_facts
    from attestation_service.core.memo import Memo
    from attestation_service.core.ima.walk import walk

from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fuzz import corpus

HASHES = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}
APPRAISER = Appraiser("fuzz", FileReferences([
    ("sha256", hashlib.sha256(b"").digest(), b"/a")]),
    re.compile(rb"/tmp/.*"), memo=Memo(64))
MEMO = Memo(64)


def one_input(data):
    try:
        form = log.shape(data)
        raws = [raw for raw_chunk in log.chunks(data, form)
                for raw in raw_chunk]
    except EvidenceError:
        return
    try:
        simple = _simply(raws, form)
    except EvidenceError:
        simple = None
    pcrs = PcrBank(HashAlg.SHA256, {10: simple or b"\1" * 32})
    for memo in (None, MEMO):
        try:
            facts = ima_facts(data, pcrs, boot=(1, 0), memo=memo)
        except EvidenceError:
            assert simple is None, "the fast reading refuses"
            continue
        if facts is None:
            continue
        assert simple is not None, "the fast reading accepts"
        assert facts.list.end.value == simple
        tally = facts.tally(APPRAISER)
        assert tally.bad_count >= facts.list.violations
    if simple is not None:
        assert walk(data, simple).value == simple


def _simply(raws, form):
    """Extend register 10 with each entry, read with care."""
    value = bytes(32)
    for raw in raws:
        entry = log.parse(raw, form)
        if entry.register != 10:
            continue
        claimed = hashlib.new(HASHES[form.hash_size], entry.data).digest()
        if claimed == entry.claimed_hash:
            digest = hashlib.sha256(entry.data).digest()
        elif entry.violation:
            digest = b"\xff" * 32
        else:
            raise EvidenceError("an entry does not hash to its hash")
        value = hashlib.sha256(value + digest).digest()
    return value


def main():
    corpus.plant(sys.argv, corpus.ima_lists())
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
