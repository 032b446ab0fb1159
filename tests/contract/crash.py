# SPDX-License-Identifier: Apache-2.0
"""Work until killed, and say what was done only once it was.

Run as ``python -m tests.contract.crash URL PREFIX``: for each number it spends
a nonce, then appends a receipt and closes its release in one unit of work,
and prints ``spent NUMBER`` and ``done NUMBER``.
"""

from __future__ import annotations

import itertools
import sys

from attestation_service import records as r
from attestation_service.store import database
from attestation_service.store.store import SqlStore
from nova_trusted_launch.wire.challenge import Purpose
from tests.contract import samples


def main(url: str, prefix: str) -> None:
    """Work for ever."""
    store = SqlStore(database.connect(url))
    for number in itertools.count():
        name = f"{prefix}-{number}"
        challenge = samples.challenge(name)
        with store.unit() as unit:
            unit.challenges.issue(challenge, most_open=9, now=samples.NOW)
            unit.releases.add(samples.release(f"release-{name}"))
        print(f"issued {name}", flush=True)
        with store.unit() as unit:
            unit.challenges.spend(challenge.nonce, "a1", Purpose.ATTEST)
        print(f"spent {name}", flush=True)
        with store.unit() as unit:
            kept = unit.log.append(samples.receipt(name))
            unit.results.save(samples.result())
            unit.releases.close(samples.release(
                f"release-{name}", state=r.ReleaseState.GRANTED,
                log_index=kept.index))
        print(f"done {name}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
