# SPDX-License-Identifier: Apache-2.0
"""nova-compute killed (-9) between the release and the start of the guest.

Random moments from the release on, over the making of the config drive, of
the encrypted disk and of the guest; every other time the image has to be
fetched first, so that much of the time is the disk's preparation.
``NTL_KILLS`` says how often, ``NTL_KILLS_SEED`` makes other moments; a
moment, as a part of what the same takes undisturbed, is in its test's name.
"""

from __future__ import annotations

import collections
import os
import random
import signal
import time

import pytest

from tests.cloud.conftest import TRUSTED, cached_image
from tools.cloud import lab, plaintext

KILLS = int(os.environ.get("NTL_KILLS", "4"))
MOMENTS = random.Random(os.environ.get("NTL_KILLS_SEED", "moments"))
HOST = lab.HOSTS[0]
COMPONENT = f"nova-compute@{HOST}"
# What nova-compute's log says when it has got that far, the last one first.
STAGES = (("guest started", "Instance spawned successfully"),
          ("config drive made", "Config drive made"),
          ("disk made", "Encrypted disk made"),
          ("released", "Released for spawn"))


@pytest.fixture(scope="module")
def reached():
    """How far the builds had come; printed at the end."""
    counted = collections.Counter()
    yield counted
    print(f"\nkilled {sum(counted.values())} times:",
          ", ".join(f"{n} x {what}" for what, n in counted.items()))


@pytest.fixture(scope="module")
def window(cloud):
    """The seconds from the release of keys to ACTIVE, undisturbed."""
    server = _create(cloud)
    _released(cloud, server)
    began = time.monotonic()
    assert cloud.admin.settled(server.id).status == "ACTIVE"
    taken = time.monotonic() - began
    cloud.admin.remove(server.id)
    return taken


def _create(cloud):
    return cloud.admin.compute.create_server(
        name="e2e-killed", image_id=cloud.image.id,
        flavor_id=cloud.admin.flavor(TRUSTED), networks="none",
        availability_zone=f"nova:{HOST}")


def _released(cloud, server):
    lab.wait("the keys are released", lambda: any(
        r["state"] == "granted" for r in cloud.releases(server)), every=0.05)


def _kill():
    """Kill it at once: the tool would take its time."""
    record = (lab.CLOUD / "run" / f"{COMPONENT}.pid").read_text().split()
    os.kill(int(record[0]), signal.SIGKILL)


def _log():
    return (lab.CLOUD / "logs" / f"{COMPONENT}.log").read_text(
        errors="replace")


def _private(host):
    return lab.in_host(host, "ls", "/run/trusted-launch/instances",
                       check=False).split()


@pytest.mark.parametrize(("number", "moment"), [
    (number, MOMENTS.random()) for number in range(KILLS)],
    ids=lambda value: f"{value:.2f}" if isinstance(value, float)
    else f"{value}")
def test_killed_after_the_release(cloud, number, moment, window, reached):
    admin = cloud.admin
    if number % 2:
        cached_image(HOST, cloud.image.id).unlink(missing_ok=True)
    server = _create(cloud)
    try:
        _released(cloud, server)
        time.sleep(moment * window)
        _kill()
        log = [line for line in _log().splitlines() if server.id in line]
        reached[next((what for what, words in STAGES if any(
            words in line for line in log)), "not noticed yet")] += 1
        assert not plaintext.files_with(cloud.marker, plaintext.storage())
        lab.tool("start", COMPONENT)
        server = admin.settled(server.id)
        assert server.status in ("ACTIVE", "ERROR")
        lab.wait("no secret is left", lambda: not lab.in_host(
            HOST, "virsh", "-q", "secret-list").strip(), limit=60)
        running = lab.in_host(HOST, "virsh", "-q", "list", "--uuid").split()
        assert (server.id in _private(HOST)) <= (server.id in running)
        assert not plaintext.files_with(cloud.marker, plaintext.storage())
        if server.status == "ERROR":
            assert "launch it again" in cloud.why(server)
    finally:
        lab.tool("start", COMPONENT)
        admin.remove(server.id)


def test_host_launches_again_after_all_that(cloud, server_of):
    server = server_of("after-kills", host=HOST)
    assert server.status == "ACTIVE", cloud.why(server)
    assert cloud.admin.ready(server.id)
