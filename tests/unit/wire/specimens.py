# SPDX-License-Identifier: Apache-2.0
"""One of every message, and how to make many of each."""

from __future__ import annotations

import datetime

from hypothesis import strategies as st

from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from nova_trusted_launch.wire.enrolment import (
    CredentialChallenge,
    EnrolmentRequest,
)
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.receipts import Checkpoint, Receipt
from nova_trusted_launch.wire.release import (
    Action,
    Released,
    ReleaseRequest,
    SealedKey,
)
from nova_trusted_launch.wire.results import (
    AttestationResult,
    Finding,
    TrustClaim,
    TrustTier,
)
from nova_trusted_launch.wire.snapshot import Snapshot, SnapshotEntry

names = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1,
                max_size=20)
texts = st.text(st.characters(exclude_categories=["Cs"],
                              exclude_characters="\0"), max_size=5)
blobs = st.binary(max_size=40)
numbers = st.integers(0, 2 ** 53 - 1)
times = st.datetimes(
    datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30),
    timezones=st.just(datetime.UTC))
algs = st.sampled_from(HashAlg)
selections = st.builds(PcrSelection, algs, st.frozensets(
    st.integers(0, 23), min_size=1))
banks = algs.flatmap(lambda alg: st.builds(
    PcrBank, st.just(alg), st.dictionaries(
        st.integers(0, 23), st.binary(min_size=alg.size, max_size=alg.size),
        min_size=1, max_size=4)))
findings = st.builds(
    Finding, texts, st.sampled_from(TrustClaim),
    st.sampled_from(TrustTier), *[texts] * 5)
sealed_keys = st.builds(
    SealedKey, names, blobs, blobs, blobs, selections,
    st.integers(1, 2 ** 31 - 1), blobs, blobs, blobs)

#: type -> (how to write, how to read, many of it)
KINDS = {
    PcrSelection: ("to_dict", "from_dict", selections),
    PcrBank: ("to_dict", "from_dict", banks),
    Challenge: ("to_dict", "from_dict", st.builds(
        Challenge, st.binary(min_size=32, max_size=32), names,
        st.sampled_from(Purpose), selections, numbers, times,
        texts)),
    Evidence: ("to_dict", "from_dict", st.builds(
        Evidence, names, blobs, blobs, blobs, banks, st.none() | blobs,
        st.none() | blobs, numbers)),
    EnrolmentRequest: ("to_dict", "from_dict", st.builds(
        EnrolmentRequest, names, blobs, st.lists(blobs, max_size=8).map(
            tuple), blobs, blobs)),
    CredentialChallenge: ("to_dict", "from_dict", st.builds(
        CredentialChallenge, names, blobs, blobs, times)),
    ReleaseRequest: ("to_dict", "from_dict", st.builds(
        ReleaseRequest, names, names, st.sampled_from(Action),
        st.binary(min_size=16, max_size=64),
        *[st.none() | names] * 4)),
    SealedKey: ("to_dict", "from_dict", sealed_keys),
    Released: ("to_dict", "from_dict", st.builds(
        Released, names, sealed_keys, st.none() | blobs, names, numbers,
        times)),
    Finding: ("to_dict", "from_dict", findings),
    AttestationResult: ("to_claims", "from_claims", st.builds(
        AttestationResult, names, names, names, st.integers(1, 2 ** 31),
        st.lists(findings, max_size=3).map(tuple), times, times, numbers,
        st.booleans())),
    Receipt: ("to_claims", "from_claims", st.builds(
        Receipt, names, names, names, st.sampled_from(Action), names, names,
        blobs, st.dictionaries(
            names, st.integers(1, 2 ** 31), min_size=1, max_size=3).map(
                lambda d: tuple(sorted(d.items()))),
        st.none() | names, st.none() | blobs, st.none() | names,
        st.none() | names, blobs, st.booleans(), times)),
    Checkpoint: ("to_claims", "from_claims", st.builds(
        Checkpoint, names, numbers, blobs, times)),
    Snapshot: ("to_claims", "from_claims", st.builds(
        Snapshot, numbers, numbers, times, times, st.lists(st.builds(
            SnapshotEntry, texts, texts,
            st.sampled_from(TrustTier), st.integers()),
            max_size=3).map(tuple))),
}

NOW = datetime.datetime(2026, 11, 25, 12, 0, 0, 1, datetime.UTC)
_SELECTION = PcrSelection(HashAlg.SHA256, frozenset({0, 7}))
_BANK = PcrBank(HashAlg.SHA384, {7: b"\1" * 48, 10: b"\2" * 48})
_SEALED = SealedKey("ek-p256", b"pub", b"dup", b"seed", _SELECTION, 60,
                    b"sig", b"key", b"bundle")
_FINDING = Finding("pcr", TrustClaim.EXECUTABLES, TrustTier.AFFIRMING, "ok",
                   "7", "a", "b", "")

#: One of each, every optional field set.
SPECIMENS = [
    _SELECTION, _BANK,
    Challenge(b"n" * 32, "a1", Purpose.RELEASE, _SELECTION, 7, NOW, "r1"),
    Evidence("a1", b"n", b"q", b"s", _BANK, b"boot", b"ima", 9),
    EnrolmentRequest("host", b"cert", (b"ca1", b"ca2"), b"ek", b"ak"),
    CredentialChallenge("e1", b"id", b"secret", NOW),
    ReleaseRequest("a1", "vm", Action.SPAWN, b"t" * 16, "gold", "img", "k1",
                   "t1"),
    _SEALED, Released("r1", _SEALED, b"d" * 32, "jwt", 3, NOW), _FINDING,
    AttestationResult("a1", "host", "gold", 2, (_FINDING,), NOW, NOW, 5,
                      True),
    Receipt("r1", "vm", "p1", Action.REBUILD, "host", "a1", b"name",
            (("gold", 2),), "img", b"d" * 32, "k1", "t1", b"hn", False, NOW),
    Checkpoint("origin", 4, b"root", NOW),
    Snapshot(0, 9, NOW, NOW, (
        SnapshotEntry("host", "gold", TrustTier.WARNING, 1700000000),)),
]


def write(value):
    """Return the JSON value of a message."""
    return getattr(value, KINDS[type(value)][0])()


def read(kind, value):
    """Read a message of that kind."""
    return getattr(kind, KINDS[kind][1])(value)
