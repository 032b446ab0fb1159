# SPDX-License-Identifier: Apache-2.0
"""Run one deed at once in many threads of many processes.

Run as ``python -m tests.contract.race URL DEED THREADS``: connects, says
``ready``, waits for a line on its input, lets each thread do the deed once,
and prints what came of each.
"""

from __future__ import annotations

import collections
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent import futures

from attestation_service import ports
from attestation_service.core import errors
from attestation_service.store import database
from attestation_service.store.store import SqlStore
from nova_trusted_launch.wire.challenge import Purpose
from tests.contract import samples


def spend(store: ports.Store, _name: str) -> None:
    with store.unit() as unit:
        unit.challenges.spend(samples.challenge().nonce, "a1",
                              Purpose.ATTEST)


def issue(store: ports.Store, name: str) -> None:
    with store.unit() as unit:
        unit.attesters.hold("a1")
        unit.challenges.issue(samples.challenge(name), most_open=5,
                              now=samples.NOW)


def take(store: ports.Store, _name: str) -> None:
    with store.unit() as unit:
        unit.attesters.take("e1", samples.NOW)


def enrol_host(store: ports.Store, name: str) -> None:
    with store.unit() as unit:
        unit.attesters.add(samples.attester(name, host="the-host"))


def enrol_tpm(store: ports.Store, name: str) -> None:
    with store.unit() as unit:
        unit.attesters.add(samples.attester(
            name, ek_digest=samples.hashed("the TPM")))


def use(store: ports.Store, _name: str) -> None:
    with store.unit() as unit:
        unit.keys.use("key-1")


def bind(store: ports.Store, name: str) -> None:
    with store.unit() as unit:
        unit.launches.bind("launch-1", name)


def lease(store: ports.Store, name: str) -> None:
    with store.unit() as unit:
        unit.leases.save(samples.lease(disk_key_id=name), was=None)


def close(store: ports.Store, name: str) -> None:
    with store.unit() as unit:
        unit.releases.close(samples.release(
            state=samples.r.ReleaseState.REFUSED, detail=name))


def append(store: ports.Store, name: str) -> None:
    with store.unit() as unit:
        unit.log.append(samples.receipt(name))


def save(store: ports.Store, name: str) -> None:
    with store.unit() as unit:
        unit.results.save(samples.result(f"host-{hash(name) % 7}"))


def version(store: ports.Store, _name: str) -> None:
    with store.unit() as unit:
        unit.profiles.add_version("p1", {}, samples.NOW, "")


def claim(store: ports.Store, _name: str) -> None:
    with store.unit() as unit:
        if not unit.outbox.claim(most=1, now=samples.NOW,
                                 until=samples.at(60)):
            raise errors.Unknown("nothing to claim")


DEEDS: dict[str, Callable[[ports.Store, str], None]] = {
    deed.__name__: deed for deed in (
        spend, issue, take, enrol_host, enrol_tpm, use, bind, lease, close,
        append, save, version, claim)}


def outcome(store: ports.Store, deed: str, name: str) -> str:
    """Do it; say "done" or the class of the refusal."""
    try:
        DEEDS[deed](store, name)
    except errors.Refusal as exc:
        return type(exc).__name__
    return "done"


def in_threads(store: ports.Store, deed: str, threads: int,
               prefix: str = "t") -> collections.Counter[str]:
    """Do it once in each thread, all at once."""
    gate = threading.Barrier(threads)

    def run(number: int) -> str:
        gate.wait()
        return outcome(store, deed, f"{prefix}-{number}")

    with futures.ThreadPoolExecutor(threads) as pool:
        return collections.Counter(pool.map(run, range(threads)))


def in_processes(url: str, deed: str, processes: int,
                 threads: int) -> collections.Counter[str]:
    """Do it once in each thread of each process, all at once."""
    racers = [subprocess.Popen(
        [sys.executable, "-m", "tests.contract.race", url, deed,
         str(threads), f"p{number}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(processes)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    total: collections.Counter[str] = collections.Counter()
    for racer in racers:
        out, _ = racer.communicate(timeout=120)
        assert racer.returncode == 0
        total.update(out.split())
    return total


def main(url: str, deed: str, threads: str, prefix: str) -> None:
    """Be one process of :func:`in_processes`."""
    connected = database.connect(url, pool_size=int(threads))
    store = SqlStore(connected)
    with store.unit():
        print("ready", flush=True)
    sys.stdin.readline()
    for what in in_threads(store, deed, int(threads), prefix).elements():
        print(what)
    connected.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
