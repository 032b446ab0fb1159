# SPDX-License-Identifier: Apache-2.0
"""Which entries somebody vouches for."""

from __future__ import annotations

import gzip
import hashlib
import re

import pytest

from attestation_service.core.ima import log, templates
from attestation_service.core.ima.appraise import (
    DESCRIBED,
    Appraiser,
    BadEntry,
    FileReferences,
    Verdict,
)
from attestation_service.core.ima.facts import (
    boot_aggregate,
    ima_facts,
)
from attestation_service.core.memo import Memo
from attestation_service.core.ima.replay import replay
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs
from tests.unit.core.ima.judged import (
    AGGREGATE,
    BOOT,
    FORMS,
    OTHERS,
    aggregate,
    appraiser,
    bad,
    sha256,
    tally,
)


@FORMS
def test_known_files(files, form):
    found = tally(files, form)
    assert (found.bad_count, found.bad) == (0, ())
    assert found.position.entries == 3


@FORMS
@pytest.mark.parametrize("entry", [
    logs.ima_file("/bin/a", b"changed"),
    logs.ima_file("/bin/a", b"changed", template="ima-sig"),
    logs.ima_file("/bin/a", b"b"),
    logs.ima_file("/bin/A", b"a"),
    logs.ima_file("/bin/ab", b"a"),
    logs.ima_file("/bin/", b"a"),
    logs.ima_file("/new", b"new", template="ima-ngv2"),
    logs.ima_file("/bin/a", b"a", alg="sha512"),
    logs.ima_file("keys", b"a", template="ima-buf", signature=b"k"),
], ids=lambda entry: entry.template)
def test_unknown_files(files, form, entry):
    files.entries.insert(2, entry)
    (number, verdict, path), = bad(files, form)
    assert (number, verdict) == (2, Verdict.UNKNOWN)
    assert path.encode() + b"\0" in entry.data
    digest = tally(files, form).bad[0].digest
    assert digest in entry.data


@FORMS
@pytest.mark.parametrize("template", ["ima-ng", "ima-sig", "ima-ngv2",
                                      "ima-sigv2", "ima-buf"])
def test_known_files_in_every_template(files, form, template):
    files.entries.append(logs.ima_file("/bin/a", b"a", template=template))
    assert bad(files, form) == []


@FORMS
def test_a_known_digest_at_any_path(files, form):
    files.entries.append(logs.ima_file("/x/y", b"anywhere"))
    assert bad(files, form) == []


@FORMS
def test_excluded_paths(files, form):
    judge = appraiser(excluded=re.compile(rb"/tmp/.*|/var/log/[a-z]+"))
    files.entries += [logs.ima_file("/tmp/x"), logs.ima_file("/var/log/a"),
                      logs.ima_file("/var/log/a/b"), logs.ima_file("/x/tmp/")]
    assert [path for _, _, path in bad(files, form, judge)] == [
        "/var/log/a/b", "/x/tmp/"]


@FORMS
def test_a_violation_is_bad_whatever_it_names(files, form):
    files.entries += [
        logs.ima_file("/bin/a", b"a", violation=True),
        logs.ima_file("/tmp/x", violation=True),
        aggregate()]
    files.entries[-1].violation = True
    judge = appraiser(excluded=re.compile(rb"/tmp/.*"))
    assert bad(files, form, judge) == [
        (3, Verdict.VIOLATION, "/bin/a"), (4, Verdict.VIOLATION, "/tmp/x"),
        (5, Verdict.VIOLATION, "boot_aggregate")]


@FORMS
@pytest.mark.parametrize("where", [0, 3])
def test_the_boot_aggregate_of_another_boot(files, form, where):
    # It is no reference value either.
    judge = appraiser(references=FileReferences([
        ("sha256", sha256(b"a"), b"/bin/a"),
        ("sha256", sha256(b"b"), b"/bin/b"),
        ("sha256", b"\1" * 32, b"boot_aggregate")]))
    files.entries.insert(where, aggregate(b"\1" * 32))
    for _ in range(2):
        assert bad(files, form, judge) == [
            (where, Verdict.BOOT_AGGREGATE, "boot_aggregate")]


def test_a_boot_aggregate_that_cannot_be_computed(files):
    values = dict(OTHERS)
    del values[9]
    assert bad(files, pcrs=files.pcrs(values)) == [
        (0, Verdict.BOOT_AGGREGATE, "boot_aggregate")]
    assert boot_aggregate(files.pcrs(values)) is None
    assert boot_aggregate(files.pcrs(OTHERS)) == AGGREGATE


@FORMS
def test_entries_of_another_register_are_not_judged(files, form):
    files.entries.insert(1, logs.ima_file("/x", register=11))
    assert bad(files, form) == []


def test_entries_that_cannot_be_read(files):
    entry = logs.ima_file("/bin/a", b"a")
    entry.data = entry.data[:-1]
    files.entries.append(entry)
    assert tally(files).bad == (BadEntry(3, Verdict.UNREADABLE, b"", b""),)


def test_an_algorithm_whose_name_is_no_text(files):
    # Whoever is root can extend register 10 with anything.
    entry = logs.ima_file("/bin/a", b"a")
    entry.data = entry.data.replace(b"sha256", b"\xffha256")
    files.entries.append(entry)
    assert tally(files).bad == (BadEntry(3, Verdict.UNREADABLE, b"", b""),)


def test_an_unknown_template_with_unknown_data(files):
    files.entries.append(logs.ImaEntry(b"something else", "evm-sig"))
    assert tally(files).bad == (BadEntry(3, Verdict.UNREADABLE, b"", b""),)


def test_a_line_that_only_the_fast_reader_accepts(files):
    # Its columns are right and it hashes to its hash; it is no line though.
    entry = logs.ima_file("/bin/x", b"x")
    data = files.ascii() + logs.ImaList([entry]).ascii().replace(
        b" /bin/x", b"!/bin/x")
    files.entries.append(entry)
    found = replay(data, files.pcrs(OTHERS), boot=BOOT)
    assert appraiser().tally(found, AGGREGATE).bad == (
        BadEntry(3, Verdict.UNREADABLE, b"", b""),)


def test_not_every_bad_entry_is_described(files):
    files.entries += [logs.ima_file(f"/bad{i}") for i in range(200)]
    found = tally(files)
    assert found.bad_count == 200
    assert [b.number for b in found.bad] == list(range(3, 3 + DESCRIBED))


# The memo.

@FORMS
def test_what_was_good_once_is_good_again(files, form):
    judge = appraiser(excluded=re.compile(rb"/tmp/.*"))
    files.entries += [logs.ima_file("/tmp/x"), logs.ima_file("/bad"),
                      logs.ima_file("/x", register=11)]
    memo = Memo(100)
    for _ in range(3):
        facts = ima_facts(getattr(files, form)(), files.pcrs(OTHERS),
                          boot=BOOT, memo=memo)
        assert [b.path for b in facts.tally(judge).bad] == [b"/bad"]
    # What has a reference value is found without it.
    assert len(judge.memo.recent) == 1


@FORMS
def test_a_memo_that_forgets(files, form):
    judge = appraiser(memo=Memo(1), excluded=re.compile(rb"/tmp/.*"))
    files.entries += [logs.ima_file("/tmp/x"), logs.ima_file("/tmp/y")]
    for _ in range(3):
        assert bad(files, form, judge) == []
        assert len(judge.memo.recent) == 1


def test_a_violation_cannot_use_what_the_memo_knows(files):
    judge = appraiser()
    assert bad(files, judge=judge) == []
    files.entries[1].violation = True
    assert bad(files, judge=judge) == [(1, Verdict.VIOLATION, "/bin/a")]


def test_equal_questions_are_answered_once(files):
    facts = ima_facts(files.dump(), files.pcrs(OTHERS), boot=BOOT)
    assert facts.tally(appraiser()) is facts.tally(appraiser())


# References.

def test_what_was_expected_instead():
    long = hashlib.sha512(b"a").digest()
    known = FileReferences([
        ("sha256", sha256(b"a"), b"/bin/a"), ("sha512", long, b"/bin/a"),
        ("sha256", sha256(b"b"), b"/bin/b"), ("sha512", long, b"/bin/b"),
        ("sha256", sha256(b"c"), b"")])
    found = known.expected([b"/bin/a", b"/none"])
    assert sorted(found[b"/bin/a"]) == sorted([sha256(b"a"), long])
    assert found[b"/none"] == []
    assert set(found) == {b"/bin/a", b"/none"}
    assert known.expected([]) == {}


@pytest.mark.parametrize("host", ["sb-tcg", "viol", "many"])
@pytest.mark.parametrize("name", ["ima_ascii", "ima_bin"])
def test_captured_hosts(host, name):
    path = logs.VECTORS / "hosts" / host / name
    data = path.read_bytes() if path.exists() else gzip.decompress(
        path.with_name(name + ".gz").read_bytes())
    facts = ima_facts(data, logs.pcrs_of(host), boot=BOOT)
    entries = [facts.list.entry(raw) for chunk in facts.list.chunks()
               for raw in chunk.entries]
    files = [(f.algorithm, f.digest, f.path)
             for f in map(log.file_facts, entries)]
    known = FileReferences(files)
    found = facts.tally(Appraiser("all", known))
    assert [(b.number, b.verdict) for b in found.bad] == (
        [(210, Verdict.VIOLATION), (213, Verdict.VIOLATION)]
        if host == "viol" else [])
    fewer = FileReferences([file for file in files if file != files[-1]])
    assert facts.tally(Appraiser("fewer", fewer)).bad_count >= 1


def test_other_banks(files):
    values = {i: bytes(48) for i in range(10)}
    digest = hashlib.sha384(bytes(480)).digest()
    files.entries[0] = aggregate(digest)
    files.entries[0].data = templates.template_data(
        "sha384", digest, b"boot_aggregate")
    pcrs = files.pcrs(values, HashAlg.SHA384)
    assert bad(files, pcrs=pcrs) == []
    assert PcrBank(HashAlg.SHA384, dict(pcrs.values)) == pcrs
