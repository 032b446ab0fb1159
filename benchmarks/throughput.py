# SPDX-License-Identifier: Apache-2.0
"""Attestations a second over HTTP: the served application on PostgreSQL.

attestation-service-api with two workers and a PostgreSQL of its own, asked by
hosts that challenge and answer as agents do, with the boot log and IMA list
of a real host (the list from where the service asks for it).  First as fast
as it goes, then at half of that, for the answer's 99th percentile.

    python -m benchmarks.throughput [--seconds 10] [--sqlite]

Prints too what an attestation costs in processor time, of the workers, of the
database and of the hosts' side: on a machine with nothing else to do, cores
divided by their sum is the limit.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator

from benchmarks.service_time import CAPTURE
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.digests import PcrSelection
from tests.fakes import logs
from tests.fakes.tpm import FakeTpm
from tests.fixtures import databases
from tests.fixtures.host import Host, good, profile
from tests.fixtures.served import Server, prepared

HOSTS = 8
WORKERS = 2
TARGET, TARGET_P99 = 400, 0.250
_TICKS = os.sysconf("SC_CLK_TCK")


class Speaker(threading.Thread):
    """One host's side, as cheap as it can be made: it is not measured."""

    def __init__(self, host: Host, url: str, until: float,
                 pause: float) -> None:
        super().__init__()
        self.times: list[float] = []
        self.failed: BaseException | None = None
        self._host, self._until, self._pause = host, until, pause
        self._at = url.removeprefix("http://")
        self._boot = encoding.b64(
            (CAPTURE / "bios_measurements").read_bytes())
        self._ima = (CAPTURE / "ima_bin").read_bytes()

    def run(self) -> None:
        """Attest until it is time; ``pause`` seconds from start to start."""
        try:
            with contextlib.closing(
                    http.client.HTTPConnection(self._at)) as connection:
                due = time.monotonic()
                while due < self._until:
                    time.sleep(max(0.0, due - time.monotonic()))
                    start = due if self._pause else time.monotonic()
                    self._attest(connection)
                    self.times.append(time.monotonic() - start)
                    due = due + self._pause if self._pause else (
                        time.monotonic())
        except BaseException as exc:  # noqa: BLE001 - told by whoever joins
            self.failed = exc

    def _attest(self, connection: http.client.HTTPConnection) -> None:
        host = self._host
        asked = self._ask(connection, "/v1/challenges",
                          {"attester_id": host.attester_id})["challenge"]
        quote, signature = host.tpm.quote(
            encoding.unb64(asked["nonce"], "nonce"),
            PcrSelection.from_dict(asked["selection"]))
        (registers,) = asked["selection"].values()
        self._ask(connection, "/v1/evidence", {
            "attester_id": host.attester_id, "nonce": asked["nonce"],
            "quote": encoding.b64(quote),
            "signature": encoding.b64(signature),
            "pcrs": host.tpm.bank(registers).to_dict(),
            "boot_log": self._boot,
            "ima_log": encoding.b64(self._ima[asked["ima_offset"]:]),
            "ima_offset": asked["ima_offset"]})

    def _ask(self, connection: http.client.HTTPConnection, path: str,
             body: object) -> dict:
        connection.request("POST", path, json.dumps(body), {
            "X-Auth-Token": self._host.user,
            "Content-Type": "application/json"})
        answer = connection.getresponse()
        read = answer.read()
        if answer.status != 201:
            raise RuntimeError(f"{path}: {answer.status} {read!r}")
        return json.loads(read)


def turn(hosts: list[Host], url: str, seconds: float, rate: float = 0.0
         ) -> tuple[float, list[float]]:
    """Let all hosts attest for so long; return the rate and all times."""
    start = time.monotonic()
    speakers = [Speaker(host, url, start + seconds,
                        len(hosts) / rate if rate else 0.0)
                for host in hosts]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()
        if speaker.failed is not None:
            raise speaker.failed
    times = sorted(t for speaker in speakers for t in speaker.times)
    return len(times) / (time.monotonic() - start), times


def enrolled(server: Server) -> list[Host]:
    """Enrol hosts with the registers of the captured one."""
    registers = dict(logs.pcrs_of(CAPTURE.name).values)
    hosts = [Host(server, f"host-{i}", tpm=FakeTpm(
        ca=server.ca, host=f"host-{i}", pcrs=registers)).enrol()
        for i in range(HOSTS)]
    profile(server)
    turn(hosts, server.url, 0.1)
    good(server.ask("admin", "POST", "/v1/profiles", {
        "name": "measured", "activate": True, "document": good(server.ask(
            "admin", "POST", "/v1/profiles/draft",
            {"host": hosts[0].name}))["document"]}), 201)
    return hosts


def processor_time(name: str, server: Server) -> float:
    """Add up what processes have used: workers by group, or by name."""
    total = 0.0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, fields = stat.read_text().rpartition(") ")
            values = fields.split()
            mine = (int(values[2]) == server.group if name == "workers"
                    else head.partition("(")[2].startswith(name))
            if mine:
                total += (int(values[11]) + int(values[12])) / _TICKS
    return total


@contextlib.contextmanager
def served(sqlite: bool) -> Iterator[Server]:
    """Serve on a database of its own."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        sql = (f"sqlite:///{folder}/service.sqlite" if sqlite
               else stack.enter_context(databases.postgresql()))
        server = stack.enter_context(prepared(
            pathlib.Path(folder), sql, workers=WORKERS))
        server.start()
        yield server


def main() -> int:
    """Print the table; 0 when the targets are met."""
    parser = argparse.ArgumentParser(description="attestations a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--sqlite", action="store_true")
    args = parser.parse_args()
    with served(args.sqlite) as server:
        hosts = enrolled(server)
        turn(hosts, server.url, min(2.0, args.seconds))
        before = (processor_time("workers", server),
                  processor_time("postgres", server), time.process_time())
        rate, times = turn(hosts, server.url, args.seconds)
        used = [(after - was) * 1000 / len(times) for after, was in zip((
            processor_time("workers", server),
            processor_time("postgres", server), time.process_time()),
            before, strict=True)]
        half, slow = turn(hosts, server.url, args.seconds, rate / 2)
    p99 = slow[int(len(slow) * 0.99)]
    print(f"{'SQLite' if args.sqlite else 'PostgreSQL'}, {WORKERS} workers, "
          f"{HOSTS} hosts at once, {os.cpu_count()} cores for all of it")
    print(f"attestations a second     {rate:8.0f}   target {TARGET}")
    print(f"p99 at {half:4.0f} a second, ms   {p99 * 1000:8.0f}   target "
          f"{TARGET_P99 * 1000:.0f}")
    print("processor time, ms each: workers {:.1f}, database {:.1f}, hosts' "
          "side {:.1f}".format(*used))
    return int(rate < TARGET or p99 > TARGET_P99)


if __name__ == "__main__":
    sys.exit(main())
