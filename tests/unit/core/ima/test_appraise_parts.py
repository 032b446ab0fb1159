# SPDX-License-Identifier: Apache-2.0
"""Lists that come in parts: what was found before is not forgotten."""

from __future__ import annotations

import pytest

from attestation_service.core.errors import StaleEvidence
from attestation_service.core.ima.appraise import (
    DESCRIBED,
    Appraiser,
    Tally,
)
from attestation_service.core.ima.facts import ima_facts
from tests.fakes import logs
from tests.unit.core.ima.judged import (
    AGGREGATE,
    BOOT,
    OTHERS,
    REFERENCES,
    appraiser,
    parts,
)


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5])
def test_what_was_found_before_is_not_forgotten(files, cut):
    files.entries[2:2] = [logs.ima_file("/bad1")]
    files.entries += [logs.ima_file("/bad2", violation=True)]
    facts = parts(files, cut, appraiser())
    found = facts.tally(appraiser())
    assert [(b.number, b.path) for b in found.bad] == [
        (2, b"/bad1"), (4, b"/bad2")]
    assert found.bad_count == 2
    assert found.position.entries == 5


def test_bad_entries_are_bounded_over_all_parts(files):
    files.entries += [logs.ima_file(f"/bad{i}") for i in range(100)]
    found = parts(files, 50, appraiser()).tally(appraiser())
    assert (found.bad_count, len(found.bad)) == (100, DESCRIBED)


def test_a_part_whose_beginning_was_not_judged(files):
    facts = parts(files, 2, appraiser())
    other = Appraiser("other key", REFERENCES)
    assert facts.tally(other) is None
    assert facts.progress.tallies == {}
    facts.tally(appraiser())
    assert list(facts.progress.tallies) == ["key"]


def test_a_tally_of_another_place_is_of_no_use(files):
    facts = parts(files, 2, appraiser())
    earlier = facts.earlier["key"]
    moved = Tally(facts.list.end, earlier.bad_count, earlier.bad)
    assert appraiser().tally(facts.list, AGGREGATE, moved) is None
    assert appraiser().tally(facts.list, AGGREGATE, earlier) is not None


def test_a_missing_list_is_a_fact(files):
    pcrs = files.pcrs(OTHERS)
    assert ima_facts(None, pcrs, boot=BOOT) is None
    assert ima_facts(b"", pcrs, boot=BOOT) is None
    progress = ima_facts(files.dump(), pcrs, boot=BOOT).progress
    assert ima_facts(None, pcrs, boot=BOOT, earlier=progress) is None
    again = ima_facts(b"", pcrs, boot=BOOT, earlier=progress)
    assert again.list.end == progress.position
    with pytest.raises(StaleEvidence):
        ima_facts(b"", pcrs, boot=(2, 0), earlier=progress)
