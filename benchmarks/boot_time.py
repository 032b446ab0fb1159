# SPDX-License-Identifier: Apache-2.0
"""What a trusted launch adds to the time until a server is ACTIVE.

Pairs of boots on one host of the cloud of ``tools/cloud.sh up``: the plain
flavor with the plain disk, and the trusted flavor with the same disk,
encrypted.  The image is in the cache, as it is for all but the first boot of
an image.  Then where the time goes, from the logs of nova-compute.

    eval "$(tools/cloud.sh env)"
    python -m benchmarks.boot_time [PAIRS [--plain-image]]

``--plain-image``: also boot the plain disk with the trusted flavor.
``NTL_BENCHMARK_HOST`` names another host than the first.

Exit status 0: the median of the differences is below the target.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.cloud import lab

TARGET = 1.0
PROFILE, TRUSTED, PLAIN = "benchmark", "benchmark.trusted", "benchmark.plain"
HOST = os.environ.get("NTL_BENCHMARK_HOST", lab.HOSTS[0])
_LOG = lab.CLOUD / "logs" / f"nova-compute@{HOST}.log"
# A step of ours, and how its line says what it took.
_STEPS = {
    "release: quote, decision, seal, unseal":
        r"Released for spawn in ([\d.]+)",
    "config drive, in memory": r"Config drive made in memory in ([\d.]+)",
    "encrypted disk over the image": r"Encrypted disk made in ([\d.]+)",
}
_NOVA = {
    "Nova: building, all in all": r"Took ([\d.]+) seconds to build",
    "Nova: of which on the hypervisor":
        r"Took ([\d.]+) seconds to spawn the instance on the hypervisor",
}


class Bench:
    """Flavors, images, and boots that are timed."""

    def __init__(self, folder: Path) -> None:
        self.admin = lab.User("admin")
        self._folder = folder
        lab.ensure_approved(self.admin)
        lab.ensure_profile(self.admin, PROFILE, HOST)
        lab.ensure_flavor(self.admin, PLAIN, {})
        lab.ensure_flavor(self.admin, TRUSTED,
                          {"trusted_launch:profile": PROFILE})
        lab.attested(self.admin, HOST, PROFILE)
        self.plain = self.admin.conn.image.find_image(
            "guest", ignore_missing=False)
        self.encrypted, _, _ = self.admin.encrypt(
            "benchmark-encrypted", lab.CLOUD / "guest.qcow2", PROFILE, folder)
        self.lines: dict[str, list[str]] = {}

    def kinds(self) -> dict[str, tuple[str, str]]:
        """Return flavor and image of each kind of boot."""
        kinds = {"plain": (PLAIN, self.plain.id),
                 "trusted, encrypted image": (TRUSTED, self.encrypted.id)}
        if "--plain-image" in sys.argv:
            kinds["trusted, plain image"] = TRUSTED, self.plain.id
        return kinds

    def boot(self, kind: str) -> float:
        """Boot a server; return the seconds until it was ACTIVE."""
        flavor, image = self.kinds()[kind]
        start = _LOG.stat().st_size
        flavor_id = self.admin.flavor(flavor)
        began = time.monotonic()
        server = self.admin.compute.create_server(
            name="benchmark", image_id=image, flavor_id=flavor_id,
            networks="none", availability_zone=f"nova:{HOST}")
        found = self._wait(server.id)
        taken = time.monotonic() - began
        if found.status != "ACTIVE":
            raise SystemExit(f"{kind}: {(found.fault or {}).get('message')}")
        with _LOG.open(errors="replace") as log:
            log.seek(start)
            self.lines.setdefault(kind, []).extend(
                line for line in log if server.id in line)
        self.admin.remove(server.id)
        return taken

    def _wait(self, server_id: str) -> Any:
        return lab.wait("the server is ACTIVE or in ERROR", lambda: next(
            (s for s in [self.admin.server(server_id)]
             if s.status in ("ACTIVE", "ERROR")), None), every=0.05)

    def clean_up(self) -> None:
        """Remove servers, image and key."""
        self.admin.remove("benchmark")
        self.admin.conn.image.delete_image(self.encrypted)
        for key in self.admin.trusted.keys_list():
            if key["name"] == "benchmark-encrypted":
                self.admin.trusted.key_delete(key["id"])

    def steps(self, kind: str, patterns: dict[str, str]
              ) -> Iterator[tuple[str, float]]:
        """Return the median of each step that the log tells of."""
        for what, pattern in patterns.items():
            found = [float(match[1]) for line in self.lines.get(kind, [])
                     if (match := re.search(pattern, line))]
            if found:
                yield what, statistics.median(found)


def _spread(times: list[float]) -> str:
    return (f"{statistics.median(times):8.2f} {min(times):8.2f} "
            f"{max(times):8.2f}")


def report(bench: Bench, taken: dict[str, list[float]]) -> float:
    """Print the tables; return the median of what was added."""
    pairs = len(taken["plain"])
    print(f"{pairs} boots each on {HOST}, one after the other; seconds")
    print(f"  {'until ACTIVE':42} {'median':>8} {'least':>8} {'most':>8}")
    for kind, times in taken.items():
        print(f"  {kind:42} {_spread(times)}")
    added = {}
    for kind in list(taken)[1:]:
        added[kind] = [t - p for t, p in
                       zip(taken[kind], taken["plain"], strict=True)]
        print(f"  {'added, by pairs: ' + kind:42} {_spread(added[kind])}")
    for kind in taken:
        print(f"where the time goes, medians: {kind}")
        for what, seconds in bench.steps(kind, _STEPS | _NOVA):
            print(f"  {what:42} {seconds:8.2f}")
    return statistics.median(added["trusted, encrypted image"])


def main() -> int:
    """Boot, and print."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        kinds = list(bench.kinds())
        try:
            for kind in kinds:
                bench.boot(kind)  # The image goes to the cache.
            bench.lines.clear()
            taken: dict[str, list[float]] = {kind: [] for kind in kinds}
            for number in range(pairs):
                # None of them always follows the same one.
                for kind in kinds[::-1] if number % 2 else kinds:
                    taken[kind].append(bench.boot(kind))
                print(f"pair {number + 1}: " + ", ".join(
                    f"{kind} {times[-1]:.2f} s"
                    for kind, times in taken.items()), flush=True)
            middle = report(bench, taken)
        finally:
            bench.clean_up()
    good = middle < TARGET
    print(f"added {middle:.2f} s, target < {TARGET:.0f} s: "
          f"{'reached' if good else 'MISSED'}")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
