# SPDX-License-Identifier: Apache-2.0
"""nova-compute killed between the release and the start of the guest.

``NTL_KILLS`` says how often; each time it is killed a little later.
"""

from __future__ import annotations

import os
import time

import pytest

from tools.cloud import lab

KILLS = int(os.environ.get("NTL_KILLS", "2"))
HOST = lab.HOSTS[0]


@pytest.mark.parametrize("later", [
    2.0 * number / max(KILLS - 1, 1) for number in range(KILLS)],
    ids=lambda seconds: f"{seconds:.2f}s")
def test_killed_after_the_release(cloud, later):
    admin, component = cloud.admin, f"nova-compute@{HOST}"
    server = admin.compute.create_server(
        name="e2e-killed", image_id=cloud.image.id,
        flavor_id=admin.flavor("e2e.trusted"), networks="none",
        availability_zone=f"nova:{HOST}")
    try:
        lab.wait("the keys are released", lambda: cloud.releases(server),
                 every=0.1)
        time.sleep(later)
        lab.tool("kill", component)
        assert not lab.files_with(cloud.marker, lab.storage())
        lab.tool("start", component)
        server = admin.settled(server.id)
        assert server.status in ("ACTIVE", "ERROR")
        lab.wait("no secret is left", lambda: not lab.in_host(
            HOST, "virsh", "-q", "secret-list").strip(), limit=60)
        assert not lab.files_with(cloud.marker, lab.storage())
        if server.status == "ERROR":
            assert "launch it again" in cloud.why(server)
    finally:
        admin.remove(server.id)
