#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hold the served API against the OpenAPI document that it publishes.

Starts attestation-service-api on SQLite, enrols and judges a host, makes one
of everything, and lets schemathesis make requests from /openapi.json over
HTTP, good and bad ones, as an administrator, as an agent and as a tenant.
Any answer that the document does not promise is a finding, and the exit
status is 1.

    tools/fuzz_api.py [--examples 25] [SCHEMATHESIS OPTION...]
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nova_trusted_launch.wire import encoding  # noqa: E402
from tests.fakes.tpm import FakeTpm  # noqa: E402
from tests.fixtures.host import Host, good, profile  # noqa: E402
from tests.fixtures.served import Server, prepared  # noqa: E402

# What satisfies the schemas may still be refused for what it says, and
# whether a request is one's own is not in a schema.
EXCLUDED = "positive_data_acceptance,ignored_auth"


def furnish(server: Server) -> None:
    """Make one of everything that can be listed or shown."""
    profile(server)
    host = Host(server, "host-1",
                tpm=FakeTpm(ca=server.ca, host="host-1")).enrol()
    host.attest()
    key = good(server.ask("member", "POST", "/v1/keys", {
        "name": "image", "material": encoding.b64(bytes(range(32))),
        "policy": {"profile": "baseline"}}), 201)["key"]
    launch = good(server.ask("member", "POST", "/v1/launches", {
        "profile": "baseline"}), 201)["launch"]
    request = host.request("11111111-2222-4333-8444-555555555555",
                           key_id=key["id"], launch_id=launch["id"],
                           image_id="image-1")
    server.nova.server(request.instance_id, host.name, image="image-1",
                       project="p1")
    good(host.release(request))


def main() -> int:
    """Run; return 0 without a finding."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=25)
    args, more = parser.parse_known_args()
    found = 0
    with tempfile.TemporaryDirectory() as folder, prepared(
            pathlib.Path(folder),
            f"sqlite:///{folder}/service.sqlite",
            # A bus within the process: without one 503 is the answer.
            bus="fake://") as server:
        server.start()
        furnish(server)
        for who in ("admin", "agent", "member"):
            print(f"== as {who}", flush=True)
            found |= subprocess.run([  # noqa: S603
                sys.executable, "-m", "schemathesis.cli", "run",
                f"{server.url}/openapi.json", "-H", f"X-Auth-Token: {who}",
                "--checks", "all", "--exclude-checks", EXCLUDED,
                "--max-examples", str(args.examples),
                "--continue-on-failure", "--seed", "1",
                # Patterns of ours that it finds hard to meet are no finding.
                "--suppress-health-check", "all", *more],
                check=False, cwd=folder).returncode
    return int(found != 0)


if __name__ == "__main__":
    sys.exit(main())
