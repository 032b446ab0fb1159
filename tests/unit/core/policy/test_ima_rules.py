# SPDX-License-Identifier: Apache-2.0
"""The rule about files: what is said of good, bad and unknown hosts."""

from __future__ import annotations

import datetime
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

from attestation_service.core import errors
from attestation_service.core.facts import HostFacts
from attestation_service.core.ima.facts import ima_facts
from attestation_service.core.policy import document
from attestation_service.core.policy.reference_values import ReferenceValues
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes import logs
from tests.unit.core.ima.judged import (
    AGGREGATE,
    OTHERS,
    aggregate,
    parts,
)
from tests.unit.core.ima.signing import EC, sign, signed

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
YES, NO = TrustTier.AFFIRMING, TrustTier.CONTRAINDICATED
UNKNOWN, WARNING = TrustTier.NONE, TrustTier.WARNING


def sha256(data):
    return hashlib.sha256(data).digest()


SETS = {
    "files": ReferenceValues("files", "ima", {
        sha256(b"a"): ("/bin/a", "/usr/bin/a"), sha256(b"any"): (),
        hashlib.sha512(b"long").digest(): ("/bin/long",)}),
    "more": ReferenceValues("more", "ima", {sha256(b"b"): ("/bin/b",)}),
    "kernels": ReferenceValues("kernels", "digest", {sha256(b"k"): ()}),
}
PEM = EC.public_key().public_bytes(
    Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def rule(**body):
    parsed, = document.parse(
        {"schema": 1, "require": [{"ima": body}]}, sets=SETS.__getitem__,
        now=NOW).rules
    assert parsed.to_document() == {"ima": body}
    return parsed


def values(*files):
    """Write what stands in a document itself."""
    return {sha256(data).hex(): [path] for path, data in files}


FILES = {"reference_values": ["files"]}


@pytest.fixture
def files():
    return logs.ImaList([
        aggregate(), logs.ima_file("/bin/a", b"a"),
        logs.ima_file("/usr/bin/a", b"a", template="ima-sig"),
        logs.ima_file("/x/y", b"any"),
        logs.ima_file("/bin/long", b"long", alg="sha512")])


def facts(files=None, ima=None):
    pcrs = (files or logs.ImaList()).pcrs(OTHERS)
    if files is not None:
        ima = ima_facts(files.dump(), pcrs, boot=(1, 0))
    return HostFacts(pcrs, 1, 0, "IFX", 1, True, {}, None, ima)


def tiers(asked, known):
    found = list(asked.judge(known))
    assert all(f.rule == "ima" for f in found)
    assert all(f.action for f in found if f.tier is not YES)
    return [f.tier for f in found]


def test_all_files_are_known(files):
    assert tiers(rule(**FILES), facts(files)) == [YES]


def test_a_host_without_a_list_is_unknown():
    assert tiers(rule(**FILES), facts()) == [UNKNOWN]


def test_the_registers_that_must_be_quoted():
    assert rule(**FILES).registers == frozenset(range(11))


def test_a_changed_file_is_named_with_what_was_expected(files):
    files.entries.append(logs.ima_file("/bin/a", b"changed"))
    files.entries.append(logs.ima_file("/new", b"new"))
    files.entries.append(logs.ima_file("/bin/long", b"changed"))
    found = list(rule(**FILES).judge(facts(files)))
    assert [(f.tier, f.subject, f.expected, f.actual) for f in found] == [
        (NO, "entry 6: /bin/a", sha256(b"a").hex(),
         sha256(b"changed").hex()),
        (NO, "entry 7: /new", "a digest or signature that the profile "
         "accepts; for this path it has none", sha256(b"new").hex()),
        (NO, "entry 8: /bin/long", hashlib.sha512(b"long").hexdigest(),
         sha256(b"changed").hex())]


def test_several_sets(files):
    files.entries.append(logs.ima_file("/bin/b", b"b"))
    assert tiers(rule(**FILES), facts(files)) == [NO]
    assert tiers(rule(reference_values=["files", "more"]),
                 facts(files)) == [YES]


def test_excluded_paths(files):
    files.entries += [logs.ima_file("/tmp/a/b"), logs.ima_file("/run/x")]
    assert tiers(rule(**FILES, excludes=["/tmp/*", "/run/?"]),
                 facts(files)) == [YES]
    assert tiers(rule(**FILES, excludes=["/tmp/*", "/run/"]),
                 facts(files)) == [NO]
    assert tiers(rule(**FILES, excludes=["/TMP/*", "*/x"]),
                 facts(files)) == [NO]


def test_signed_files(files):
    files.entries.append(signed(sign(EC, b"x")))
    assert tiers(rule(**FILES), facts(files)) == [NO]
    assert tiers(rule(**FILES, keys=[PEM]), facts(files)) == [YES]
    only = logs.ImaList([aggregate(), files.entries[-1]])
    assert tiers(rule(keys=[PEM]), facts(only)) == [YES]


def test_violations(files):
    files.entries.append(logs.ima_file("/mnt/log", violation=True))
    assert tiers(rule(**FILES), facts(files)) == [NO]
    assert tiers(rule(**FILES, violations="warn"), facts(files)) == [WARNING]
    files.entries.append(logs.ima_file("/new"))
    assert tiers(rule(**FILES, violations="warn"), facts(files)) == [
        WARNING, NO]


def test_the_list_of_another_boot(files):
    files.entries[0] = aggregate(b"\1" * 32)
    found, = rule(**FILES).judge(facts(files))
    assert found.tier is NO and "another boot" in found.detail
    assert found.expected == AGGREGATE.hex()


def test_a_boot_that_was_not_quoted_whole(files):
    pcrs = files.pcrs({i: OTHERS[i] for i in range(9)})
    found, = rule(**FILES).judge(facts(
        ima=ima_facts(files.dump(), pcrs, boot=(1, 0))))
    assert (found.tier, found.expected) == (
        NO, "the hash of registers 0 to 9, all quoted")


def test_an_entry_that_cannot_be_read(files):
    files.entries.append(logs.ImaEntry(b"odd", "evm-sig"))
    found, = rule(**FILES).judge(facts(files))
    assert found.tier is NO and "cannot be read" in found.detail
    assert found.actual == "nothing that can be read"


def test_a_thousand_bad_files_have_few_findings(files):
    files.entries += [logs.ima_file(f"/bad/{i}", violation=True)
                      for i in range(1000)]
    found = list(rule(**FILES, violations="warn").judge(facts(files)))
    assert len(found) == 17
    assert {f.tier for f in found[:16]} == {WARNING}
    assert (found[-1].tier, found[-1].detail) == (
        NO, "984 more entries are not vouched for")


def test_a_path_is_shown_whatever_its_bytes(files):
    entry = logs.ima_file("/bad")
    entry.data = entry.data.replace(b"/bad", b"/\xff\xfe\n")
    files.entries.append(entry)
    found, = rule(**FILES).judge(facts(files))
    assert found.subject == r"entry 6: /\\xff\\xfe\n"


def test_a_beginning_that_was_judged_by_the_same_rule(files):
    asked = rule(**FILES)
    known = facts(ima=parts(files, 3, asked.appraiser))
    assert tiers(asked, known) == [YES]
    # A new version of the profile with the same rule: the same question.
    assert tiers(rule(**FILES), known) == [YES]


@pytest.mark.parametrize("body", [
    {"reference_values": ["files", "more"]},
    {**FILES, "excludes": ["/x"]},
    {**FILES, "keys": [PEM]},
])
def test_a_beginning_that_was_judged_by_another_rule(files, body):
    known = facts(ima=parts(files, 3, rule(**FILES).appraiser))
    assert tiers(rule(**body), known) == [UNKNOWN]


def test_another_set_of_the_same_name_is_another_question(monkeypatch):
    before = rule(**FILES).appraiser.key
    assert rule(**FILES).appraiser.key == before
    monkeypatch.setitem(SETS, "files", ReferenceValues(
        "files", "ima", {sha256(b"a"): ("/bin/b",)}))
    assert rule(**FILES).appraiser.key != before


def test_how_violations_are_taken_changes_no_question():
    assert rule(**FILES).appraiser.key == rule(
        **FILES, violations="warn").appraiser.key


def pem(key):
    return key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_keys_of_both_kinds():
    rule(keys=[pem(rsa.generate_private_key(65537, 2048)),
               pem(ec.generate_private_key(ec.SECP384R1()))])


def test_a_key_is_no_longer_than_this():
    rule(keys=[PEM.ljust(4096)])
    with pytest.raises(errors.Invalid, match="^/require/0/ima/keys/0: "):
        rule(keys=[PEM.ljust(4097)])


@pytest.mark.parametrize("body", [
    {}, {"excludes": ["/tmp/*"]}, {"reference_values": []},
    {"reference_values": ["kernels"]}, {"keys": []}, {"keys": ["no key"]},
    {"keys": [7]}, {"keys": ["x" * 5000]},
    {"keys": [pem(ed25519.Ed25519PrivateKey.generate())]},
    {**FILES, "excludes": []}, {**FILES, "violations": "ignore"},
    {**FILES, "violations": True}, {**FILES, "surprise": 1},
])
def test_documents_that_are_refused(body):
    with pytest.raises(errors.Invalid) as caught:
        document.parse({"schema": 1, "require": [{"ima": body}]},
                       sets=SETS.__getitem__, now=NOW)
    assert str(caught.value.code) == "profile.invalid"


def test_values_in_the_document_itself(files):
    mine = values(("/bin/a", b"a"), ("/x/y", b"any"))
    mine[sha256(b"a").hex()].append("/usr/bin/a")
    mine[hashlib.sha512(b"long").hexdigest()] = ["/bin/long"]
    assert tiers(rule(values=mine), facts(files)) == [YES]
    del mine[sha256(b"any").hex()]
    assert tiers(rule(values=mine), facts(files)) == [NO]
    assert tiers(rule(reference_values=["files"],
                      values=values(("/z", b"z"))), facts(files)) == [YES]


@pytest.mark.parametrize("wrong", [
    {}, [], {"00": []}, {"00" * 20: []}, {"00" * 32: "/bin/a"},
    {"00" * 32: [""]}, {"zz" * 32: []}])
def test_values_that_are_none(wrong):
    with pytest.raises(errors.Invalid, match="^/require/0/ima/values: "):
        rule(values=wrong)
