#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kill the service (-9) while hosts enrol, attest and get keys.

Runs attestation-service-api as it is installed, with three hosts that talk to
it, kills all of its processes at a random moment, starts it again on what is
on the disk, and checks: what was acknowledged is there, nothing that may be
done once can be done again, every granted release has its receipt and every
receipt its release, and the log's proofs hold, also from checkpoints that
hosts had fetched before.

    tools/crash_test.py [--kills 200] [--seed N] [--database URL]
"""

from __future__ import annotations

import argparse
import pathlib
import random
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.crash import rounds  # noqa: E402
from tests.crash.proofs import Count  # noqa: E402

EVERY = 20


def main() -> int:
    """Run; an AssertionError shows what did not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", metavar="URL",
                        default="sqlite:///{folder}/service.sqlite")
    args = parser.parse_args()
    start = time.monotonic()

    def tell(count: Count) -> None:
        if count.kills % EVERY == 0 or count.kills == args.kills:
            print(f"{count.kills} kills in {time.monotonic() - start:.0f} s: "
                  f"{count.releases} releases, each with its receipt; "
                  f"{count.replays} replays, refused but {count.done_late} "
                  "that had not been done", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        count = rounds.run(
            pathlib.Path(folder), args.database.format(folder=folder),
            args.kills, random.Random(args.seed), tell)  # noqa: S311
    print("killed in the middle of: " + ", ".join(
        f"{where} {number} times" for where, number in sorted(
            count.stopped_at.items())))
    print(f"granted, but the answer was lost: {count.granted_unheard}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
