# SPDX-License-Identifier: Apache-2.0
"""What the demonstration and the end-to-end tests do with the cloud.

In: names of servers, images and hosts.  Out: what OpenStack, the attestation
service and the hosts' own storage say of them.  Everything is found through
the environment that ``tools/cloud.sh env`` prints, and ``NTL_STATE``.
"""

from __future__ import annotations

import functools
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import openstack
from keystoneauth1 import adapter

from nova_trusted_launch.client import errors
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.images import encrypt

TOP = pathlib.Path(__file__).resolve().parents[2]
STATE = pathlib.Path(os.environ.get("NTL_STATE")
                     or pathlib.Path.home() / ".nova-trusted-launch")
CLOUD = STATE / "cloud"
# The disk of the cloud's own plain image, "guest".
PLAIN_DISK = CLOUD / "guest.qcow2"
HOSTS = tuple(os.environ.get("NTL_HOSTS", "host-a host-b").split())
# A computer that does many things at once needs patience.
PATIENCE = float(os.environ.get("NTL_PATIENCE", "240"))
SERVICE_TYPE = "host-attestation"
SETTLED = ("ACTIVE", "ERROR", "SHUTOFF")


class NotSo(AssertionError):
    """Something that was waited for did not happen."""


def wait(what: str, done: Callable[[], Any], *, limit: float = PATIENCE,
         every: float = 0.5, say: Callable[[str], None] | None = None) -> Any:
    """Ask until the answer is true; return it.

    :raises NotSo: it never was.
    """
    began = told = time.monotonic()
    while not (answer := done()):
        now = time.monotonic()
        if now - began > limit:
            raise NotSo(f"{what}: not after {limit:.0f} s")
        if say and now - told > 10:
            say(f"still waiting: {what} ({now - began:.0f} s)")
            told = now
        time.sleep(every)
    return answer


def tool(*arguments: str, check: bool = True) -> str:
    """Run tools/cloud.sh; return what it printed."""
    done = subprocess.run(
        [str(TOP / "tools" / "cloud.sh"), *arguments], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if check and done.returncode:
        raise NotSo(f"cloud.sh {' '.join(arguments)}: {done.stdout[-800:]}")
    return done.stdout


def in_host(host: str, *command: str, check: bool = True) -> str:
    """Run a command inside a compute host."""
    return tool("host", host, *command, check=check)


def place(host: str, *parts: str) -> pathlib.Path:
    """Name a file of a host as this machine sees it."""
    return CLOUD.joinpath("hosts", host, *parts)


class User:
    """One account's view of the cloud."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.conn = openstack.connect(cloud=name)
        self.compute = self.conn.compute
        self.trusted = TrustedLaunchClient(adapter.Adapter(
            session=self.conn.session, service_type=SERVICE_TYPE,
            region_name=self.conn.config.region_name))

    # Servers.

    def boot(self, name: str, image: str, flavor: str, *,
             token: str | None = None, **more: Any) -> Any:
        """Create a server and wait until it runs or has failed."""
        metadata = dict(more.pop("metadata", {}))
        if token:
            metadata["trusted_launch_token"] = token
        server = self.compute.create_server(
            name=name, image_id=image, flavor_id=self.flavor(flavor),
            networks="none", metadata=metadata, **more)
        return self.settled(server.id)

    def flavor(self, name: str) -> str:
        """Return a flavor's id."""
        return self.compute.find_flavor(name, ignore_missing=False).id

    def server(self, server_id: str) -> Any:
        """Fetch a server as it is now."""
        return self.compute.get_server(server_id)

    def settled(self, server_id: str, *statuses: str,
                say: Callable[[str], None] | None = None) -> Any:
        """Wait until nothing is being done to a server."""
        def done() -> Any:
            server = self.server(server_id)
            return server if (server.task_state is None and server.status
                              in (statuses or SETTLED)) else None
        return wait(f"server {server_id} {'/'.join(statuses or SETTLED)}",
                    done, say=say)

    def console(self, server_id: str) -> str:
        """Return the serial console's text."""
        answer = self.compute.get_server_console_output(server_id)
        return answer["output"] or ""

    def ready(self, server_id: str,
              say: Callable[[str], None] | None = None) -> str:
        """Wait until the guest says that it has booted; return its words."""
        return wait(f"guest of {server_id} says GUEST-READY",
                    lambda: "GUEST-READY" in self.console(server_id)
                    and self.console(server_id), say=say)

    def nonce(self, server_id: str) -> str:
        """Return the nonce that the guest says it was given."""
        return field(self.ready(server_id), "NONCE")

    def remove(self, *names: str) -> None:
        """Delete servers by name or id, and wait until they are gone."""
        ids = [s.id for s in self.compute.servers(details=False)
               if s.name in names or s.id in names]
        for server_id in ids:
            self.compute.delete_server(server_id)
        for server_id in ids:
            wait(f"server {server_id} is gone",
                 functools.partial(self._gone, server_id))

    def _gone(self, server_id: str) -> bool:
        return self.compute.find_server(server_id, details=False) is None

    # Images.

    def upload(self, name: str, file: pathlib.Path,
               properties: Mapping[str, str] | None = None,
               disk_format: str = "qcow2") -> Any:
        """Upload a disk as it is, instead of any earlier one."""
        for image in self.conn.image.images(name=name):
            if image.owner == self.conn.current_project_id:
                self.conn.image.delete_image(image)
        with file.open("rb") as data:
            return self.conn.image.create_image(
                name, data=data, disk_format=disk_format,
                container_format="bare", validate_checksum=False,
                **(properties or {}))

    def encrypt(self, name: str, disk: pathlib.Path, profile: str,
                work: pathlib.Path) -> tuple[Any, encrypt.EncryptedImage,
                                             bytes]:
        """Do what ``openstack trusted image create`` does."""
        target = work / f"{name}.encrypted.qcow2"
        target.unlink(missing_ok=True)
        secret = encrypt.new_key()
        made = encrypt.encrypt(disk, target, secret)
        key = self.trusted.key_create(name, secret, {
            "profile": profile, "image_digest": made.digest.hex()})
        image = self.upload(name, target, {
            "trusted_launch_key_id": key["id"],
            "trusted_launch_profile": profile,
            "trusted_launch_digest": made.digest.hex()})
        return image, made, secret


def field(console: str, name: str) -> str:
    """Return the last value of a line ``NAME value`` of the console."""
    found = [line.split()[1] for line in console.replace("\r", "").split("\n")
             if line.startswith(name + " ")]
    return found[-1] if found else ""


def ensure_profile(admin: User, name: str, host: str) -> Any:
    """Draft a profile from a host, in its present state, unless it is there.

    :raises NotSo: the host is not in the state to draft one.
    """
    try:
        found = admin.trusted.profile_show(name)
    except errors.Refused:
        found = None
    if found is not None and found.get("active_version"):
        return found
    wait(f"the first evidence of {host}", lambda: bool(
        admin.trusted.attester_evidence_list(host)))
    document = admin.trusted.profile_draft(host)
    if found is None:
        return admin.trusted.profile_create(
            name, document, activate=True,
            description=f"as {host} was when this was made")
    admin.trusted.profile_version_create(name, document, activate=True)
    return admin.trusted.profile_show(name)


def ensure_flavor(admin: User, name: str, extra_specs: Mapping[str, str]
                  ) -> None:
    """Make a small flavor."""
    if admin.compute.find_flavor(name) is None:
        flavor = admin.compute.create_flavor(
            name=name, vcpus=1, ram=128, disk=1)
        if extra_specs:
            admin.compute.create_flavor_extra_specs(
                flavor, dict(extra_specs))


def ensure_approved(admin: User) -> None:
    """Wait for the hosts to enrol, and approve them."""
    for host in HOSTS:
        wait(f"{host} enrols", functools.partial(_enrolled, admin, host))
        if admin.trusted.attester_show(host)["state"] == "pending":
            admin.trusted.attester_approve(host)


def _enrolled(admin: User, host: str) -> bool:
    return any(a["state"] != "retired"
               for a in admin.trusted.attesters_list(host=host))


def tier(admin: User, host: str, profile: str) -> dict[str, Any]:
    """Return a host's latest result under a profile; {} without one."""
    found = admin.trusted.results_list(host=host, profile=profile)
    return found[0] if found else {}


def findings(admin: User, profile: str) -> str:
    """Return what speaks against the hosts under a profile."""
    return " / ".join(
        f"{host}: {finding['detail']}" for host in HOSTS
        for result in admin.trusted.attester_explain(host, profile)["results"]
        for finding in result["findings"] if finding["tier"] != "affirming")


def attested(admin: User, host: str, profile: str, *, after: str = "",
             say: Callable[[str], None] | None = None) -> None:
    """Wait until a host is affirming, by a result later than ``after``."""
    def done() -> bool:
        found = tier(admin, host, profile)
        return (found.get("tier") == "affirming"
                and found["issued_at"] > after)
    if not done():
        admin.trusted.attester_attest(host)
        wait(f"{host} attests and is affirming", done, say=say)


def taint(host: str, register: str = "4") -> None:
    """Extend a register by something that no log explains."""
    tool("taint", host, register)


def replayed(host: str, instance: str, answer: pathlib.Path
             ) -> dict[str, str]:
    """Use an answer of the service again; return what came of each attempt.

    On the host of ``instance`` it is obtained first, into the file
    ``answer``; ``-`` as the instance: use that file on another host.
    """
    said = in_host(
        host, "env", f"PYTHONPATH={TOP}", sys.executable, "-W", "ignore",
        str(TOP / "tools" / "cloud" / "replayer.py"),
        str(place(host, "etc", "trusted-launch-agent.conf")), instance,
        str(answer))
    return dict(line.split(": ") for line in said.splitlines()
                if line.count(": ") == 1)


def heal(admin: User, host: str, profile: str,
         say: Callable[[str], None] | None = None) -> None:
    """Reboot the host's TPM, measured, and wait for its new result."""
    before = tier(admin, host, profile).get("issued_at", "")
    tool("restart", f"swtpm@{host}")
    attested(admin, host, profile, after=before, say=say)


def release_reason(user: User, server_id: str) -> str:
    """Return why the last release for a server was refused."""
    found = user.trusted.releases_list(instance_id=server_id)
    return " / ".join(f"{r['host']}: {r['code']} {r['detail']}"
                      for r in found if r.get("code"))
