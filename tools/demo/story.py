# SPDX-License-Identifier: Apache-2.0
"""The story of a trusted launch, chapter by chapter.

The operator approves hosts and says what a good host is; Alice, a tenant,
encrypts a disk and launches it with a secret number of hers; then somebody
meddles with the hosts.  Most steps go through the Python clients, which is
quicker; the command that a person would type is shown for each of them.
``nova boot`` and ``server verify`` are the real commands.
"""

from __future__ import annotations

import os
import pathlib
import re
import secrets
import subprocess
from typing import Any

from nova_trusted_launch.wire import encoding
from tools.cloud import lab, plaintext
from tools.demo import changed_file, replayed_answer
from tools.demo.telling import Telling

PROFILE, FLAVOR, IMAGE = "demo", "demo.trusted", "demo-disk"
SERVERS = ("demo-1", "demo-2", "demo-3", "demo-thief")


class Story:
    """Chapters in their order; each takes from the ones before."""

    def __init__(self, telling: Telling, folder: pathlib.Path) -> None:
        self.tell_ = telling
        self.folder = folder
        self.disk = folder / "disk.qcow2"
        self.marker = (folder / "marker").read_text("utf-8").strip()
        self.tainted: set[str] = set()
        telling.waiting("logging in as admin and as alice")
        self.admin, self.alice = lab.User("admin"), lab.User("alice")
        self.nonce = secrets.token_bytes(32)

    def tell(self) -> None:
        """Tell everything."""
        self.start_afresh()
        self.hosts()
        self.policy()
        self.encrypt()
        self.launch()
        self.verify()
        self.search()
        self.change_file()
        self.token_again()
        self.answer_again()
        self.taint_one()
        self.start_on_tainted()
        self.taint_all()

    def start_afresh(self) -> None:
        """Remove what an earlier run left."""
        self.alice.remove(*SERVERS)

    def hosts(self) -> None:
        """Enrol and approve."""
        say = self.tell_
        say.chapter("The operator knows the hosts")
        say.say("each host's agent has proven to the attestation service "
                "which TPM it has")
        lab.ensure_approved(self.admin)
        for host in lab.HOSTS:
            say.command(f"openstack trusted host approve {host}")
        for found in self.admin.trusted.attesters_list(state="approved"):
            say.quote(f"{found['host']}  {found['state']}  TPM by "
                      f"{found['manufacturer']}  EK "
                      f"{found['ek_digest'][:16]}...")

    def policy(self) -> None:
        """Make profile and flavor."""
        say = self.tell_
        say.chapter("The operator says what a good host is")
        say.command(f"openstack trusted profile draft --from-host "
                    f"{lab.HOSTS[0]} > demo.json")
        say.command("openstack trusted profile create --file demo.json "
                    f"{PROFILE}")
        lab.ensure_profile(self.admin, PROFILE, lab.HOSTS[0])
        say.command(f"openstack flavor create --ram 128 --disk 1 --property "
                    f"trusted_launch:profile={PROFILE} {FLAVOR}")
        lab.ensure_flavor(self.admin, FLAVOR,
                          {"trusted_launch:profile": PROFILE})
        for host in lab.HOSTS:
            lab.attested(self.admin, host, PROFILE, say=say.waiting)
            result = lab.tier(self.admin, host, PROFILE)
            say.expect(f"{host} satisfies the profile",
                       result["tier"] == "affirming",
                       f"{result['tier']} until {result['expires_at']}")

    def encrypt(self) -> None:
        """Encrypt and upload."""
        say = self.tell_
        say.chapter("Alice encrypts her disk and uploads ciphertext")
        say.command(f"openstack trusted image create --file {self.disk.name}"
                    f" --profile {PROFILE} {IMAGE}", who="alice")
        self.image, self.made, _ = self.alice.encrypt(
            IMAGE, self.disk, PROFILE, self.folder)
        say.quote(f"image {self.image.id}, SHA-256 "
                  f"{self.made.digest.hex()[:32]}...")
        say.expect("her text is in the disk, where a search finds it",
                   plaintext.files_with(self.marker, [self.disk]) != [])
        say.expect("and not in the ciphertext",
                   plaintext.files_with(self.marker, [self.made.path]) == [])

    def launch(self) -> None:
        """Boot with a token."""
        say = self.tell_
        say.chapter("Alice launches it, with a secret number N of hers")
        shown = encoding.b64(self.nonce)
        say.command(f"openstack trusted launch create --profile {PROFILE} "
                    f"--image {self.image.id} --nonce {shown[:8]}...",
                    who="alice")
        self.token = self.alice.trusted.launch_create(
            PROFILE, nonce=self.nonce, image_id=self.image.id,
            image_digest=self.made.digest.hex())["id"]
        self._alice("nova", "boot", "--flavor", FLAVOR, "--image", IMAGE,
                    "--nic", "none", "--meta",
                    f"trusted_launch_token={self.token}", SERVERS[0])
        say.waiting("the server becomes ACTIVE")
        found = self.alice.compute.find_server(
            SERVERS[0], ignore_missing=False)
        self.server = self.alice.settled(found.id, say=say.waiting)
        say.expect("the server is ACTIVE", self.server.status == "ACTIVE",
                   _why(self.server))
        self.host = self.admin.server(self.server.id).compute_host
        say.say(f"it is on {self.host}, which got its keys for this start")
        say.waiting("the guest boots from its encrypted disk (emulated)")
        console = self.alice.ready(self.server.id, say=say.waiting)
        say.command(f"openstack console log show {SERVERS[0]}", who="alice")
        say.quote("\n".join(line for line in console.splitlines() if
                            re.match("NONCE|INSTANCE|GUEST-READY", line)))
        say.expect("the guest has booted", True)
        say.expect("the guest knows N",
                   lab.field(console, "NONCE") == shown)

    def verify(self) -> None:
        """Verify the receipt."""
        say = self.tell_
        say.chapter("Alice verifies, without believing the cloud")
        say.waiting("signature, log, instance, image, profile, and N")
        status = self._alice(
            "openstack", "trusted", "server", "verify", "--profile", PROFILE,
            "--image-digest", self.made.digest.hex(), "--nonce="
            + encoding.b64(self.nonce), SERVERS[0])
        say.expect("the receipt proves it", status == 0)

    def search(self) -> None:
        """Look for the plaintext."""
        say = self.tell_
        say.chapter("Is Alice's text anywhere on the hosts' storage?")
        places = plaintext.storage()
        found = plaintext.files_with(self.marker, places)
        size = sum(f.stat().st_blocks * 512 for p in places
                   for f in p.rglob("*") if f.is_file())
        say.expect(f"not in the {size >> 20} MiB of disks, image caches, "
                   "logs and Glance", found == [], ", ".join(found))
        head = plaintext.files_with(plaintext.visible(self.made.path), places)
        say.expect("the search does find the head of the encrypted image, in "
                   "Glance and on the host", len(head) > 1,
                   f"{len(head)} files")

    def change_file(self) -> None:
        """Change a file on a host that does not run the server."""
        other = next(host for host in lab.HOSTS if host != self.host)
        changed_file.tell(self.tell_, self.admin, other, PROFILE)

    def token_again(self) -> None:
        """Use a token a second time."""
        say = self.tell_
        say.chapter("Somebody replays Alice's launch token")
        thief = self.alice.boot(SERVERS[3], self.image.id, FLAVOR,
                                token=self.token)
        say.command(f"nova boot ... --meta trusted_launch_token="
                    f"{self.token[:8]}... {SERVERS[3]}", who="alice")
        say.expect("it is good for one server only",
                   thief.status == "ERROR", self._reason(thief))
        self.alice.remove(SERVERS[3])

    def answer_again(self) -> None:
        """Use the service's answer a second time, and on another host."""
        replayed_answer.tell(self.tell_, self.host, self.server.id,
                             self.folder / "answer.json")

    def taint_one(self) -> None:
        """Taint the host of the running server."""
        say = self.tell_
        say.chapter(f"{self.host} runs something that no profile knows")
        self._taint(self.host)
        say.waiting("Alice launches another server")
        other = self.alice.boot(SERVERS[1], self.image.id, FLAVOR)
        host = self.admin.server(other.id).compute_host
        say.expect("it starts, on another host",
                   other.status == "ACTIVE" and host != self.host,
                   f"{other.status} on {host} {_why(other)}")

    def start_on_tainted(self) -> None:
        """Stop and start where the host is not good any more."""
        say = self.tell_
        say.chapter(f"{SERVERS[0]} is stopped and started on {self.host}")
        say.command(f"openstack server stop {SERVERS[0]}", who="alice")
        say.waiting("the guest shuts down")
        self.alice.compute.stop_server(self.server.id)
        self.alice.settled(self.server.id, "SHUTOFF", say=say.waiting)
        say.command(f"openstack server start {SERVERS[0]}", who="alice")
        before = len(self._releases())
        self.alice.compute.start_server(self.server.id)
        lab.wait("the start is decided",
                 lambda: len(self._releases()) > before, say=say.waiting)
        server = self.alice.settled(self.server.id, say=say.waiting)
        say.expect("it stays off", server.status == "SHUTOFF",
                   self._reason(server))

    def taint_all(self) -> None:
        """Taint every host."""
        say = self.tell_
        say.chapter("Every host runs something that no profile knows")
        for host in lab.HOSTS:
            if host not in self.tainted:
                self._taint(host)
        say.waiting("Alice launches a third server")
        server = self.alice.boot(SERVERS[2], self.image.id, FLAVOR)
        say.expect("it is refused", server.status == "ERROR", _why(server))
        # An agent may have told before Alice came: then nobody is asked.
        reason = (lab.release_reason(self.alice, server.id)
                  or lab.findings(self.admin, PROFILE))
        say.expect("and the service says why", "register" in reason, reason)

    def clean_up(self) -> None:
        """Leave a cloud in which every host is good again."""
        say = self.tell_
        say.chapter("Cleaning up")
        say.waiting("deleting the servers; tainted hosts boot again")
        self.alice.remove(*SERVERS)
        for image in self.alice.conn.image.images(name=IMAGE):
            self.alice.conn.image.delete_image(image)
        for key in self.alice.trusted.keys_list():
            if key["name"] == IMAGE:
                self.alice.trusted.key_delete(key["id"])
        (self.folder / f"{IMAGE}.encrypted.qcow2").unlink(missing_ok=True)
        for host in sorted(self.tainted):
            say.command(f"tools/cloud.sh restart swtpm@{host}")
            lab.heal(self.admin, host, PROFILE, say.waiting)
            say.expect(f"{host} is good again after a reboot", True)

    def _taint(self, host: str) -> None:
        self.tell_.command(f"tools/cloud.sh taint {host}")
        lab.taint(host)
        self.tainted.add(host)

    def _releases(self) -> list[Any]:
        return self.alice.trusted.releases_list(
            instance_id=self.server.id)

    def _reason(self, server: Any) -> str:
        return lab.release_reason(self.alice, server.id) or _why(server)

    def _alice(self, *command: str) -> int:
        """Run a command as alice; show it and what it prints."""
        self.tell_.command(" ".join(command), who="alice")
        auth = self.alice.conn.config.auth
        done = subprocess.run(
            command, env={
                **os.environ, "OS_USERNAME": auth["username"],
                "OS_PASSWORD": auth["password"],
                "OS_PROJECT_NAME": auth["project_name"]},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False)
        self.tell_.quote(_few(done.stdout))
        return done.returncode


def _why(server: Any) -> str:
    return (server.fault or {}).get("message", "")


def _few(text: str) -> str:
    """Leave out the rows of ``nova boot`` that say nothing yet."""
    return "\n".join(line for line in text.splitlines() if not re.match(
        r"\| (?i:os-|accessip|config_|host|progress|tenant|updated|user_id"
        r"|locked|key_name|adminpass|trusted_image|tags|server_groups|created"
        r"|description|security|volumes|scheduler|pinned)", line))
