# SPDX-License-Identifier: Apache-2.0
"""Service time of enrolment, attestation and release on SQLite.

Prints what the whole WSGI application takes for the requests of each story,
one at a time, with the boot log and IMA list of a real host, and the share of
it that is processor time (the rest is the disk, or other processes).

    python -m benchmarks.service_time [rounds]
"""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.release import Released
from tests.fakes import logs
from tests.fakes.tpm import FakeTpm
from tests.fixtures.host import Host, good, profile
from tests.fixtures.service import AttestationServiceFixture

TARGET = 0.060


CAPTURE = logs.VECTORS / "hosts" / "sb-tcg"


class RealHost(Host):
    """A host that booted and runs what a captured one did."""

    boot_log = (CAPTURE / "bios_measurements").read_bytes()
    ima_log = (CAPTURE / "ima_bin").read_bytes()

    def evidence(self, challenge: Any, qualifying: bytes | None = None
                 ) -> Any:
        """Quote, and send the logs along from where the service is."""
        return dataclasses.replace(
            super().evidence(challenge, qualifying), boot_log=self.boot_log,
            ima_log=self.ima_log[challenge.ima_offset:],
            ima_offset=challenge.ima_offset)


class Timed:
    """The application, with a stop-watch."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self.wall = self.processor = 0.0

    def __call__(self, environ: dict[str, Any],
                 start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Add up what requests take."""
        wall, processor = time.perf_counter(), time.thread_time()
        try:
            return self._app(environ, start_response)
        finally:
            self.wall += time.perf_counter() - wall
            self.processor += time.thread_time() - processor

    def lap(self) -> tuple[float, float]:
        """Return the times since the last call."""
        taken = self.wall, self.processor
        self.wall = self.processor = 0.0
        return taken


def rounds(service: AttestationServiceFixture, timed: Timed, number: int
           ) -> dict[str, list[tuple[float, float]]]:
    """Run each story so often; return the times of each."""
    taken: dict[str, list[tuple[float, float]]] = {
        "enrolment": [], "attestation": [], "release": []}
    registers = dict(logs.pcrs_of("sb-tcg").values)
    hosts = []
    for index in range(number):
        host = RealHost(service, f"host-{index}", tpm=FakeTpm(
            ca=service.ca, host=f"host-{index}", pcrs=registers))
        timed.lap()
        host.enrol(approve=False)
        taken["enrolment"].append(timed.lap())
        good(service.ask("admin", "POST",
                         f"/v1/attesters/{host.name}/approve", {}))
        hosts.append(host)
    _profiles(service, hosts[0])
    key = good(service.ask("member", "POST", "/v1/keys", {
        "name": "image", "material": encoding.b64(bytes(range(32))),
        "policy": {"profile": "measured"}}), 201)["key"]
    for host in hosts:
        timed.lap()
        host.attest()
        taken["attestation"].append(timed.lap())
        request = host.request(key_id=key["id"], image_id="image-1")
        service.nova.place(request.instance_id, host.name)
        timed.lap()
        answer = host.release(request)
        taken["release"].append(timed.lap())
        host.unseal(request, Released.from_dict(good(answer)))
    return taken


def _profiles(service: AttestationServiceFixture, host: Host) -> None:
    profile(service)
    host.attest()
    draft = good(service.ask("admin", "POST", "/v1/profiles/draft",
                             {"host": host.name}))["document"]
    good(service.ask("admin", "POST", "/v1/profiles", {
        "name": "measured", "document": draft, "activate": True}), 201)


def main() -> int:
    """Print the table; 0 when every median is within the target."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as folder, (
            AttestationServiceFixture(pathlib.Path(folder))) as service:
        timed = service.app = Timed(service.app)
        taken = rounds(service, timed, number)
    print(f"{number} rounds, SQLite, one request at a time; milliseconds")
    print(f"{'story':12} {'median':>8} {'p95':>8} {'processor':>10} "
          f"{'target':>8}")
    for story, times in taken.items():
        wall = sorted(w for w, _ in times)
        processor = statistics.median(p for _, p in times)
        print(f"{story:12} {statistics.median(wall) * 1000:8.1f} "
              f"{wall[int(len(wall) * .95)] * 1000:8.1f} "
              f"{processor * 1000:10.1f} {TARGET * 1000:8.0f}")
    return int(any(statistics.median(w for w, _ in times) > TARGET
                   for times in taken.values()))


if __name__ == "__main__":
    sys.exit(main())
