# SPDX-License-Identifier: Apache-2.0
"""Kill, start, audit: so often."""

from __future__ import annotations

import pathlib
import random
import time
from collections.abc import Callable

from nova_trusted_launch.wire import encoding
from tests.crash.proofs import Auditor, Count
from tests.fixtures.served import Server, prepared
from tests.crash.story import Ledger, Story
from tests.fakes.tpm import FakeTpm
from tests.fixtures.host import good, profile

HOSTS = 3
# A host goes through its story a few times in that; the kill comes anywhere.
LONGEST = 2.0


def run(folder: pathlib.Path, sql: str, kills: int, chance: random.Random,
        tell: Callable[[Count], None] = lambda count: None) -> Count:
    """Kill the service so often, and audit it each time."""
    with prepared(folder, sql) as server:
        server.start()
        profile(server)
        key = good(server.ask("member", "POST", "/v1/keys", {
            "name": "image", "material": encoding.b64(bytes(range(32))),
            "policy": {"profile": "baseline"}}), 201)["key"]["id"]
        auditor = Auditor(server, Count())
        for number in range(kills):
            ledgers = _work(server, key, number, chance)
            server.start()
            auditor.audit(ledgers)
            tell(auditor.count)
        return auditor.count


def _work(server: Server, key: str, number: int,
          chance: random.Random) -> list[Ledger]:
    """Let hosts work, kill the service, and return what they wrote down."""
    stories = [Story(server, f"host-{number}-{i}", key_id=key, tpm=FakeTpm(
        ca=server.ca, host=f"host-{number}-{i}")) for i in range(HOSTS)]
    for story in stories:
        story.start()
    time.sleep(chance.uniform(0, LONGEST))
    server.kill()
    for story in stories:
        story.join()
    for story in stories:
        if story.failed is not None:
            raise story.failed
    return [story.ledger for story in stories]
