# SPDX-License-Identifier: Apache-2.0
"""How the cost of a list grows, and what the largest evidence costs.

``python -m benchmarks.appraisal`` prints it after everything else.
"""

from __future__ import annotations

import functools
import gc
import gzip
import hashlib
import multiprocessing
import pathlib
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.errors import OversizedEvidence
from attestation_service.core.ima import replay
from attestation_service.core.ima.appraise import (
    Appraiser,
    File,
    FileReferences,
)
from attestation_service.core.tpm.quote import VerifiedQuote
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs

ENTRIES = (1_000, 10_000, 100_000)
REFERENCES = (1_000, 10_000, 100_000, 1_000_000)
MOST = 1_000_000
# An entry of a list of 100,000 may cost so much more than one of 1,000.
SUPERLINEAR = 1.5


def binary_list(folder: pathlib.Path) -> bytes:
    """Return a captured list as the kernel's binary file."""
    return _read(folder, "ima_bin")


def ascii_list(folder: pathlib.Path) -> bytes:
    """Return a captured list as the kernel's text file."""
    return _read(folder, "ima_ascii")


def _read(folder: pathlib.Path, name: str) -> bytes:
    plain = folder / name
    if plain.exists():
        return plain.read_bytes()
    return gzip.decompress((folder / f"{name}.gz").read_bytes())


def aggregate(pcrs: PcrBank) -> bytes:
    """Return what the first entry of a list must hold."""
    return hashlib.sha256(b"".join(
        pcrs.values[i] for i in range(10))).digest()


def made_list(count: int) -> logs.ImaList:
    """Make a list of files, each used once, on the captured host."""
    first = logs.ima_file("boot_aggregate", b"".join(
        logs.pcrs_of("sb-tcg").values[i] for i in range(10)))
    return logs.ImaList([first, *(_file(n) for n in range(1, count))])


def _file(number: int) -> logs.ImaEntry:
    return logs.ima_file(f"/usr/lib/x86_64-linux-gnu/lib{number}.so.1",
                         str(number).encode())


def knowing(files: logs.ImaList) -> dict[str, Any]:
    """Write a profile that knows every file of a list."""
    values = {entry.data[12:44].hex(): [entry.data[48:-1].decode()]
              for entry in files.entries[1:]}
    return {"schema": 1, "require": [{"ima": {"values": values}}]}


def quoted(pcrs: PcrBank) -> VerifiedQuote:
    """Return registers as if they had been quoted."""
    return VerifiedQuote(pcrs, 1, 0, 1, True, 1)


@dataclass(frozen=True, slots=True)
class _Files:
    """So many files, made each time they are asked for."""

    count: int

    def __iter__(self) -> Iterator[File]:
        return (("sha256", hashlib.sha256(str(n).encode()).digest(),
                 f"/usr/lib/x86_64-linux-gnu/lib{n}.so.1".encode())
                for n in range(self.count))


def references(count: int) -> FileReferences:
    """Make so many reference values."""
    return FileReferences(_Files(count))


def _judged(data: bytes, value: bytes, known: FileReferences) -> None:
    pcrs = PcrBank(HashAlg.SHA256, {10: value})
    tally = Appraiser("growth", known).tally(
        replay.replay(data, pcrs, boot=(1, 0)), None)
    assert tally is not None and tally.bad_count <= 1


def _timed(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def growth() -> bool:
    """Print the tables; tell whether the cost grows no faster than a list."""
    known, each = references(ENTRIES[-1]), []
    print(f"\n{'entries':>10} {'seconds':>9} {'us an entry':>12}")
    for count in ENTRIES:
        files = made_list(count)
        data, value = files.dump(), files.value()
        del files
        run = functools.partial(_judged, data, value, known)
        seconds = min(_timed(run) for _ in range(3))
        each.append(seconds / count * 1e6)
        print(f"{count:10} {seconds:9.4f} {each[-1]:12.2f}", flush=True)
    del known, run
    _references()
    return _largest() and each[-1] < SUPERLINEAR * each[0]


def _references() -> None:
    """Judge one list by ever more reference values."""
    files = made_list(1_000)
    data, value = files.dump(), files.value()
    print(f"\n{'reference values':>17} {'MiB':>7} {'to load, s':>11} "
          f"{'1,000 entries, ms':>18}")
    for count in REFERENCES:
        gc.collect()
        before, start = _memory(), time.process_time()
        known = references(count)
        loaded = time.process_time() - start
        used = _memory() - before
        run = functools.partial(_judged, data, value, known)
        seconds = min(_timed(run) for _ in range(5))
        print(f"{count:17} {used:7.1f} {loaded:11.2f} "
              f"{seconds * 1e3:18.2f}", flush=True)
        del known, run


def _memory() -> float:
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2 ** 20


def _largest() -> bool:
    """Judge the largest evidence that is accepted, and what is larger."""
    print(f"\n{'largest':>28} {'MiB':>7} {'seconds':>9} {'MiB more':>9}")
    return all([
        _apart("IMA list of 1,000,000", _largest_list),
        _apart("boot log of 65,536 events", _largest_log),
        _apart("boot log of 16 MiB", _longest_log)])


def _apart(what: str, case: Callable[[], tuple[int, Callable[[], Any]]]
           ) -> bool:
    """Run a case in a process of its own, so that its memory is its own."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(
        target=_case, args=(writer, case))
    child.start()
    writer.close()
    size, seconds, more = reader.recv()
    child.join()
    print(f"{what:>28} {size / 2 ** 20:7.1f} {seconds:9.2f} {more:9.1f}",
          flush=True)
    # Some copies of what came in, and no more.
    return more < 8 * size / 2 ** 20 + 64


def _case(writer: Any, case: Callable[[], tuple[int, Callable[[], Any]]]
          ) -> None:
    size, run = case()
    gc.collect()
    before = _memory()
    seconds = _timed(run)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    writer.send((size, seconds, max(0.0, peak - before)))


def _largest_list() -> tuple[int, Callable[[], Any]]:
    value, parts = bytes(32), []
    for number in range(MOST):
        entry = _file(number)
        parts.append(entry.dump())
        value = hashlib.sha256(
            value + hashlib.sha256(entry.data).digest()).digest()
    data, known = b"".join(parts), references(1_000)
    pcrs = PcrBank(HashAlg.SHA256, {10: value})
    return len(data), lambda: Appraiser("growth", known).tally(
        replay.replay(data, pcrs, boot=(1, 0)), None)


def _log(count: int, data: bytes) -> tuple[int, Callable[[], Any]]:
    log = logs.capped(logs.BootLog())
    event = log.copy().add(5, logs.EFI_ACTION, data).events[-1]
    log.events += [event] * count
    written, pcrs = log.dump(), log.pcrs()
    return len(written), lambda: boot_facts(written, pcrs)


def _largest_log() -> tuple[int, Callable[[], Any]]:
    return _log(tcg.MAX_EVENTS - 8, b"an action")


def _longest_log() -> tuple[int, Callable[[], Any]]:
    size, run = _log(500, bytes(2 ** 15))
    assert size < tcg.MAX_SIZE
    try:
        boot_facts(bytes(tcg.MAX_SIZE + 1), PcrBank(HashAlg.SHA256,
                                                    {0: bytes(32)}))
    except OversizedEvidence:
        return size, run
    raise AssertionError("a larger log was not refused")
