# SPDX-License-Identifier: Apache-2.0
"""The cloud with a profile, flavors and images; one running server; hosts
that are tainted for a test and good again afterwards.

The environment of ``tools/cloud.sh env`` is taken over here.  A cloud that is
not up is an error, not a reason to skip.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import secrets
import subprocess
from dataclasses import dataclass, field
from typing import Any

import pytest

from nova_trusted_launch.images.encrypt import EncryptedImage
from tools.cloud import lab

PROFILE = "e2e"
TRUSTED, PLAIN, TRAIT = "e2e.trusted", "e2e.plain", "e2e.trait-too"


@dataclass
class Cloud:
    """What the tests share; all servers belong to ``admin``."""

    admin: lab.User
    alice: lab.User
    folder: pathlib.Path
    disk: pathlib.Path
    marker: str
    image: Any = None
    made: EncryptedImage = None
    secret: bytes = field(default=b"", repr=False)
    plain: Any = None

    def boot(self, name: str, image: Any = None, flavor: str = TRUSTED, *,
             host: str | None = None, **more: Any) -> Any:
        """Boot one of admin's servers; ``host`` forces it there."""
        if host:
            more["availability_zone"] = f"nova:{host}"
        return self.admin.boot(f"e2e-{name}", (image or self.image).id,
                               flavor, **more)

    def why(self, server: Any) -> str:
        """Return fault and refused releases of a server, as one text."""
        fault = (self.admin.server(server.id).fault or {}).get("message", "")
        return f"{fault} / {lab.release_reason(self.admin, server.id)}"

    def releases(self, server: Any, action: str = "") -> list[Any]:
        """Return the releases of a server, for one action."""
        return [r for r in self.admin.trusted.releases_list(
            instance_id=server.id) if action in ("", r["action"])]

    def started_again(self, server: Any, action: str, act: Any) -> Any:
        """Do something that needs a release; wait for it and its end."""
        before = len(self.releases(server, action))
        act()
        lab.wait(f"a release for {action} is decided",
                 lambda: len(self.releases(server, action)) > before)
        return self.admin.settled(server.id)

    def stopped(self, server: Any) -> None:
        """Stop a server."""
        if self.admin.server(server.id).status != "SHUTOFF":
            self.admin.compute.stop_server(server.id)
            self.admin.settled(server.id, "SHUTOFF")


def _environment() -> None:
    """Take over what ``tools/cloud.sh env`` prints."""
    for name, value in re.findall(r"export (\w+)=(.*)", lab.tool("env")):
        os.environ[name] = os.path.expandvars(re.sub(
            r"\$\{PATH#.*\}", "${PATH}", value))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    _environment()
    folder = tmp_path_factory.mktemp("cloud")
    marker = f"e2e plaintext {secrets.token_hex(16)}"
    disk = folder / "disk.qcow2"
    subprocess.run(
        [lab.TOP / "tools" / "cloud" / "guest_image.sh", "--marker", marker,
         "--output", disk], check=True, stdout=subprocess.DEVNULL)
    made = Cloud(lab.User("admin"), lab.User("alice"), folder, disk, marker)
    _prepare(made)
    yield made
    _remove(made)


def _prepare(made: Cloud) -> None:
    admin = made.admin
    _remove(made)
    lab.ensure_approved(admin)
    lab.ensure_profile(admin, PROFILE, lab.HOSTS[0])
    lab.ensure_flavor(admin, PLAIN, {})
    lab.ensure_flavor(admin, TRUSTED, {"trusted_launch:profile": PROFILE})
    lab.ensure_flavor(admin, TRAIT, {
        "trusted_launch:profile": PROFILE,
        "trait:CUSTOM_TRUSTED_LAUNCH_E2E": "required"})
    for host in lab.HOSTS:
        lab.attested(admin, host, PROFILE)
    made.image, made.made, made.secret = admin.encrypt(
        "e2e-encrypted", made.disk, PROFILE, made.folder)
    made.plain = admin.conn.image.find_image("guest", ignore_missing=False)


def cached_image(host: str, image_id: str) -> pathlib.Path:
    """Name the place of an image in the cache of a host."""
    name = hashlib.sha1(image_id.encode()).hexdigest()  # noqa: S324
    return lab.place(host, "var", "lib", "nova", "instances", "_base",
                     name + "_trusted")


def _remove(made: Cloud) -> None:
    for user in (made.admin, made.alice):
        user.remove(*(s.name for s in user.compute.servers(details=False)
                      if s.name.startswith("e2e-")))
        for image in user.conn.image.images(owner=user.conn
                                            .current_project_id):
            if image.name.startswith("e2e-"):
                user.conn.image.delete_image(image)
        for key in user.trusted.keys_list():
            if key["name"].startswith("e2e-"):
                user.trusted.key_delete(key["id"])


@dataclass(frozen=True)
class Running:
    """A server that was launched with a token, and what is known of it."""

    server: Any
    nonce: bytes
    token: str
    host: str


def launched(cloud, name):
    """Launch an encrypted server; its guest tells that it is there."""
    nonce = secrets.token_bytes(32)
    token = cloud.admin.trusted.launch_create(
        PROFILE, nonce=nonce, image_id=cloud.image.id,
        image_digest=cloud.made.digest.hex())["id"]
    server = cloud.boot(name, token=token)
    assert server.status == "ACTIVE", cloud.why(server)
    cloud.admin.ready(server.id)
    return Running(server, nonce, token, server.compute_host)


@pytest.fixture(scope="session")
def running(cloud):
    """An encrypted server that runs."""
    return launched(cloud, "running")


@pytest.fixture
def power(cloud, running):
    """The running server, on; switched on again afterwards."""
    if cloud.admin.server(running.server.id).status != "ACTIVE":
        cloud.admin.compute.start_server(running.server.id)
        cloud.admin.settled(running.server.id, "ACTIVE")
    return running


@pytest.fixture
def server_of(cloud):
    """Boot servers that are gone after the test."""
    made = []

    def boot(name, *arguments, **more):
        made.append(cloud.boot(name, *arguments, **more))
        return made[-1]

    yield boot
    cloud.admin.remove(*(server.id for server in made))


@pytest.fixture(scope="module")
def taint(cloud):
    """Taint a host, once; at the end of the module all are good again."""
    tainted = set()

    def bad(host):
        if host not in tainted:
            tainted.add(host)
            lab.taint(host)
        return host

    yield bad
    for host in tainted:
        lab.heal(cloud.admin, host, PROFILE)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(pathlib.Path(__file__).parent):
            item.add_marker(pytest.mark.cloud)
