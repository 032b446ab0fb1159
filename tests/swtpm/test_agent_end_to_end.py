# SPDX-License-Identifier: Apache-2.0
"""The daemon itself, over HTTP to the real service, with a real swtpm.

Only Nova, and the service's vault and signing key, are not real.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import pathlib
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from nova_trusted_launch.client.agent import AgentClient
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.client.trust import Verifier
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from nova_trusted_launch.wire.results import TrustTier
from tests.fixtures import swtpm, web
from tests.fixtures.service import AttestationServiceFixture
from tests.fixtures.tss import extend, handles, read

pytestmark = pytest.mark.swtpm

HOST = "compute-1"
INSTANCE = "8f9f2b66-7d0c-4bbd-8f0a-3a6ed18f3c55"
MATERIAL = bytes(range(32, 64))
NONCE = b"N" * 32
ROOT = pathlib.Path(__file__).parents[2]


def eventually(truth: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < until, "did not happen"
        time.sleep(0.05)


class Site:
    """One service, one host with its TPM, one agent process."""

    def __init__(self, folder: pathlib.Path, tpm: swtpm.Swtpm,
                 service: AttestationServiceFixture) -> None:
        self.folder, self.tpm, self.service = folder, tpm, service
        self.port = web.free_port()
        self.web = contextlib.ExitStack()
        self.admin = TrustedLaunchClient(service.adapter("admin"))
        self.member = TrustedLaunchClient(service.adapter("member"))
        self.socket = str(folder / "agent.sock")
        self.nova = AgentClient(self.socket, 20)
        self.log = folder / "agent.log"
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "agent.conf").write_text(f"""
[agent]
host = {HOST}
tcti = {tpm.tcti}
tpm_owned = true
state_path = {folder}/state/agent.json
socket_path = {self.socket}
allowed_users =
boot_log_path =
ima_log_path =
interval = 60
retry_interval = 0.2
waiting_interval = 1
jitter = 0.1
[attestation_service]
auth_type = admin_token
endpoint = http://127.0.0.1:{self.port}
token = agent
timeout = 10
""")

    # The service.

    def serve(self) -> None:
        self.web.enter_context(web.served(self.service.app, self.port))

    def unserve(self) -> None:
        self.web.close()

    # The agent.

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nova_trusted_launch.agent.main",
                 "--config-file", str(self.folder / "agent.conf"),
                 "--debug"], cwd=ROOT, stdout=log, stderr=log)
        eventually(self.answers)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        with contextlib.suppress(Unavailable):
            return bool(self.nova.status())
        return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process = None
        return code

    def state(self, wanted: str) -> None:
        eventually(lambda: self.nova.status()["state"] == wanted)

    # What people do.

    def good_state(self) -> None:
        """Boot: measure what the profile expects."""
        extend(self.tpm.tcti, 4, b"the kernel")

    def profile(self) -> None:
        self.admin.profile_create("gold", {"schema": 1, "require": [
            {"pcr": {"bank": "sha256", "index": 4,
                     "values": [read(self.tpm.tcti, 4).hex()]}}]},
            activate=True)

    def release(self, action: Action = Action.SPAWN, **more):
        self.service.nova.place(INSTANCE, HOST)
        return self.nova.release(INSTANCE, action, profile="gold",
                                 image_id="image-1", **more)

    def tier(self) -> TrustTier:
        (row,) = self.admin.results_list(host=HOST)
        return Verifier(self.admin.jwks()).result(row["jwt"]).tier


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    folder = tmp_path / "s"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        tpm = stack.enter_context(swtpm.running(tmp_path / "tpm"))
        for kind, pem in zip(("roots", "issuers"), tpm.roots, strict=True):
            (tmp_path / kind).mkdir()
            (tmp_path / kind / "ca.pem").write_bytes(pem)
        fixture = AttestationServiceFixture(
            folder, enrolment__software_anchors=str(tmp_path / "roots"),
            enrolment__intermediates=str(tmp_path / "issuers"))
        fixture.clock = lambda: datetime.datetime.now(datetime.UTC)
        made = Site(folder, tpm, stack.enter_context(fixture))
        stack.callback(made.unserve)
        made.serve()
        made.good_state()
        made.profile()
        try:
            yield made
        finally:
            if made.process is not None:
                made.end(signal.SIGKILL)


@pytest.fixture
def attesting(site) -> Site:
    site.start()
    site.state("pending")
    site.admin.attester_approve(HOST)
    site.state("attesting")
    return site


def test_from_enrolment_to_keys_and_through_every_restart(attesting):
    site = attesting
    assert site.tier() is TrustTier.AFFIRMING
    key = site.member.key_create("image", MATERIAL, {"profile": "gold"})
    launch = site.member.launch_create("gold", nonce=NONCE)
    keys = site.release(key_id=key["id"], launch_id=launch["id"])
    assert (keys.image_key, keys.nonce) == (MATERIAL, NONCE)
    attester = site.nova.status()["attester_id"]

    assert site.end(signal.SIGTERM) == 0
    assert not os.path.exists(site.socket)
    assert handles(site.tpm.tcti) == []
    site.start()
    assert site.release(Action.REBOOT).disk_key == keys.disk_key

    site.end(signal.SIGKILL)
    site.start()
    assert site.release(Action.REBOOT).disk_key == keys.disk_key

    site.unserve()
    with pytest.raises(Unavailable):
        site.release(Action.REBOOT)
    site.serve()
    assert site.release(Action.REBOOT).disk_key == keys.disk_key

    site.tpm.reboot()
    with pytest.raises(Refused) as refused:
        site.release(Action.AUTO_RESUME)
    assert refused.value.code == Code.RELEASE_NOT_AFFIRMING
    site.good_state()
    assert site.release(Action.AUTO_RESUME).disk_key == keys.disk_key
    assert site.nova.status()["attester_id"] == attester
    assert len(site.admin.attesters_list()) == 1
    assert handles(site.tpm.tcti) == []


def test_g1_tainted_host_gets_no_key(attesting):
    site = attesting
    site.release()
    extend(site.tpm.tcti, 4, b"a root kit")
    with pytest.raises(Refused) as refused:
        site.release(Action.POWER_ON)
    assert refused.value.code == Code.RELEASE_NOT_AFFIRMING
    site.nova.attest()
    eventually(lambda: site.tier() is TrustTier.CONTRAINDICATED)
    assert handles(site.tpm.tcti) == []


def test_killed_at_any_time_the_agent_enrols_once(site):
    for pause in (0.3, 0.6, 0.9, 1.2):
        with site.log.open("ab") as log:
            site.process = subprocess.Popen(
                [sys.executable, "-m", "nova_trusted_launch.agent.main",
                 "--config-file", str(site.folder / "agent.conf")],
                cwd=ROOT, stdout=log, stderr=log)
        time.sleep(pause)
        site.end(signal.SIGKILL)
    site.start()
    site.state("pending")
    assert len(site.admin.attesters_list()) == 1


def test_e7_keys_are_nowhere_but_on_the_socket(attesting):
    site = attesting
    key = site.member.key_create("image", MATERIAL, {"profile": "gold"})
    keys = site.release(key_id=key["id"])
    secrets = [keys.disk_key, keys.image_key, keys.nonce]
    places = [pathlib.Path(f"/proc/{site.process.pid}/{name}").read_bytes()
              for name in ("cmdline", "environ")]
    # The test's own service keeps its vault in memory.
    places += [p.read_bytes() for p in site.folder.rglob("*")
               if p.is_file() and not stat.S_ISSOCK(p.stat().st_mode)]
    assert len(places) > 5
    for place in places:
        for secret in secrets:
            assert secret not in place
            assert secret.hex().encode() not in place
    limits = pathlib.Path(f"/proc/{site.process.pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if "core file" in line]
    assert core.split()[4:6] == ["0", "0"]


def test_agent_works_while_the_bus_is_down(site):
    path = site.folder / "agent.conf"
    path.write_text("[DEFAULT]\ntransport_url = rabbit://u:p@127.0.0.1:9/\n"
                    + path.read_text())
    site.start()
    site.state("pending")
    assert site.end(signal.SIGTERM) == 0


def test_hang_up_ends_in_order(attesting):
    assert attesting.end(signal.SIGHUP) == 0
    assert not os.path.exists(attesting.socket)


def test_second_agent_does_not_start(attesting):
    done = subprocess.run(
        [sys.executable, "-m", "nova_trusted_launch.agent.main",
         "--config-file", str(attesting.folder / "agent.conf")],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "another agent" in done.stderr
    assert attesting.nova.status()["state"] == "attesting"


@pytest.mark.parametrize("option", [
    "endorsement_auth_file = /nonexistent", "ek_certificate_file = /dev/null",
    "ek_kinds = ek-p521", "state_path = /dev/null"])
def test_bad_option_says_so_and_does_not_start(site, option):
    path = site.folder / "agent.conf"
    path.write_text(path.read_text().replace(
        "[agent]", f"[agent]\n{option}").replace(
            "state_path = /dev/null\nhost", "host"))
    if option.startswith("state_path"):
        path.write_text(path.read_text() + "[agent]\n" + option + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "nova_trusted_launch.agent.main",
         "--config-file", str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
