# SPDX-License-Identifier: Apache-2.0
"""The parser of event logs at its bounds, and the usual way it takes."""

from __future__ import annotations

import struct

import pytest

from attestation_service.core import errors
from attestation_service.core.bootlog import tcg
from tests.fakes import logs

KNOWN = [(4, "sha1", 20), (0xB, "sha256", 32), (0xC, "sha384", 48),
         (0xD, "sha512", 64), (0x12, "sm3", 32), (0x27, "sha3_256", 32),
         (0x28, "sha3_384", 48), (0x29, "sha3_512", 64)]


def log_of(sizes, *events):
    """A log with these banks and the digests of its events."""
    log = logs.BootLog((), sizes)
    log.events = [logs.Event(4, 5, digests, b"go") for digests in events]
    return log.dump()


@pytest.mark.parametrize(("algorithm", "label", "size"), KNOWN)
def test_digests_of_banks_that_the_header_lacks(algorithm, label, size):
    parsed = tcg.parse(log_of({0x9999: 7}, {
        0x9999: b"9" * 7, algorithm: b"x" * size}))
    assert parsed.events == ((4, 5, (b"9" * 7,), b"go"),)
    assert tcg.label(algorithm) == label
    assert tcg.parse(log_of({algorithm: size})).algorithms == (
        (algorithm, size),)
    with pytest.raises(errors.MalformedEvidence):
        tcg.parse(log_of({algorithm: size + 1}))


def test_so_many_banks_and_digests():
    sizes = dict.fromkeys(range(100, 116), 5)
    digests = {alg: bytes([alg]) * 5 for alg in sizes}
    wanted = ((4, 5, tuple(digests.values()), b"go"),)
    for event in (digests, dict(reversed(digests.items()))):
        assert tcg.parse(log_of(sizes, event)).events == wanted
    for more in (log_of(sizes, {**digests, 4: bytes(20)}),
                 log_of({**sizes, 4: 20})):
        with pytest.raises(errors.MalformedEvidence):
            tcg.parse(more)


@pytest.mark.parametrize("size", [512, 513])
def test_a_header_is_no_longer_than_this(size):
    header = logs.BootLog().header()[32:].ljust(size, b"\1")
    data = struct.pack("<II20sI", 0, 3, bytes(20), size) + header
    if size == 512:
        assert tcg.parse(data).events == ()
    else:
        with pytest.raises(errors.MalformedEvidence):
            tcg.parse(data)


class Long(bytes):
    """Bytes that say they are more."""

    size = 16 * 2 ** 20

    def __len__(self):
        return self.size


def test_a_log_is_no_larger_than_this():
    data = Long(log_of({4: 20}, {4: b"x" * 20}))
    assert len(tcg.parse(data).events) == 1
    data.size += 1
    with pytest.raises(errors.OversizedEvidence):
        tcg.parse(data)


def test_a_log_has_no_more_events_than_this():
    event = struct.pack("<II20sI", 4, 5, b"x" * 20, 0)[:-4] + b"\1\0\0\0!"
    assert len(tcg.parse(event * 65536).rows) == 65536
    with pytest.raises(errors.OversizedEvidence):
        tcg.parse(event * 65537)


@pytest.mark.parametrize("banks", [1, 2, 3, 8])
def test_the_usual_event_is_read_in_one_go(monkeypatch, banks):
    sizes = {alg: size for alg, _, size in KNOWN[:banks]}
    events = [{alg: bytes([number + alg]) * size
               for alg, size in sizes.items()} for number in range(3)]
    # It is not called.
    monkeypatch.setattr(tcg, "_unusual_event", None)
    assert tcg.parse(log_of(sizes, *events)).events == tuple(
        (4, 5, tuple(digests.values()), b"go") for digests in events)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_another_bank_of_the_same_size_is_another(at):
    banks = {0xB: 32, 0xC: 48, 0xD: 64}
    others = [0x27, 0x28, 0x29]
    digests = {alg: b"x" * size for alg, size in banks.items()}
    wanted = [*digests.values()]
    wanted[at] = None
    event = {others[i] if i == at else alg: digest
             for i, (alg, digest) in enumerate(digests.items())}
    assert tcg.parse(log_of(banks, event)).events[0].digests == tuple(wanted)


def test_a_header_is_no_event_that_was_measured():
    data = struct.pack("<II20sI", 4, 5, b"x" * 20, 17) + (
        b"Spec ID Event03\0!")
    assert tcg.parse(data).rows == [(4, 5, (b"x" * 20,), data[32:])]
