# SPDX-License-Identifier: Apache-2.0
"""Made lists, and what is said of their entries."""

from __future__ import annotations

import hashlib
import json

import pytest

from attestation_service.core.ima import templates
from attestation_service.core.ima.appraise import (
    Appraiser,
    FileReferences,
)
from attestation_service.core.ima.facts import ImaProgress, ima_facts
from tests.fakes import logs

BOOT = (1, 0)
OTHERS = {i: bytes([i]) * 32 for i in range(10)}
AGGREGATE = hashlib.sha256(b"".join(OTHERS.values())).digest()
FORMS = pytest.mark.parametrize("form", ["dump", "ascii"])


def sha256(data):
    return hashlib.sha256(data).digest()


def aggregate(digest=AGGREGATE):
    entry = logs.ima_file("boot_aggregate")
    entry.data = templates.template_data("sha256", digest, b"boot_aggregate")
    return entry


REFERENCES = FileReferences([
    ("sha256", sha256(b"a"), b"/bin/a"), ("sha256", sha256(b"b"), b"/bin/b"),
    ("sha256", sha256(b"anywhere"), b"")])


def appraiser(**more):
    return Appraiser("key", **{"references": REFERENCES, **more})


def tally(files, form="dump", judge=None, pcrs=None):
    facts = ima_facts(getattr(files, form)(), pcrs or files.pcrs(OTHERS),
                      boot=BOOT)
    return facts.tally(judge or appraiser())


def bad(*args, **more):
    found = tally(*args, **more)
    assert len(found.bad) == found.bad_count
    return [(b.number, b.verdict, b.path.decode()) for b in found.bad]


def parts(files, cut, judge):
    first = ima_facts(logs.ImaList(files.entries[:cut]).dump(),
                      logs.ImaList(files.entries[:cut]).pcrs(OTHERS),
                      boot=BOOT)
    first.tally(judge)
    kept = ImaProgress.from_dict(json.loads(json.dumps(
        first.progress.to_dict())))
    assert kept == first.progress
    return ima_facts(logs.ImaList(files.entries[cut:]).dump(),
                     files.pcrs(OTHERS), boot=BOOT, earlier=kept)
