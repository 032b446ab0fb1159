# SPDX-License-Identifier: Apache-2.0
"""Hosts: their latest result, and commands that change them.

The commands come from ``tempest.conf`` alone and are run without a shell.
"""

from __future__ import annotations

import datetime
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

from oslo_log import log as logging
from tempest import config

from nova_trusted_launch.tempest import cases
from nova_trusted_launch.tempest.client import HostAttestationClient
from nova_trusted_launch.wire import encoding

CONF = config.CONF
LOG = logging.getLogger(__name__)
AFFIRMING = "affirming"


def result(admin: HostAttestationClient, host: str,
           profile: str) -> dict[str, Any]:
    """Return a host's latest result under a profile; {} without one."""
    found = admin.results_list(host=host, profile=profile)
    return found[0] if found else {}


def affirming(admin: HostAttestationClient, profile: str) -> list[str]:
    """Name the hosts that satisfy a profile now."""
    now = encoding.timestamp(datetime.datetime.now(datetime.UTC))
    return sorted(r["host"] for r in admin.results_list(profile=profile)
                  if r["tier"] == AFFIRMING and r["expires_at"] > now)


def attest(admin: HostAttestationClient, host: str, profile: str,
           wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask a host to attest; wait for a newer result that is as wanted.

    :raises TimeoutException: there was none.
    """
    before = result(admin, host, profile).get("issued_at", "")
    admin.attester_attest(host)

    def newer() -> dict[str, Any] | None:
        found = result(admin, host, profile)
        fit = found.get("issued_at", "") > before and wanted(found)
        return found if fit else None
    return cases.wait_for(f"a new result of {host} for {profile}", newer,
                          CONF.trusted_launch.attest_timeout)


def command(template: str, host: str) -> None:
    """Run a command of ``tempest.conf`` for a host.

    :raises CalledProcessError: it failed.
    """
    words = [word.replace("{host}", host) for word in shlex.split(template)]
    LOG.info("Running %s", words)
    done = subprocess.run(words, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    LOG.info("It ended with %d: %s", done.returncode, done.stdout)
    done.check_returncode()
