# SPDX-License-Identifier: Apache-2.0
"""The whole agent over the whole service, with a TPM in software.

From nova-compute's client through the socket, the agent, the client library
and the real application to the database, and back.
"""

from __future__ import annotations

import hashlib
import threading
import time

import pytest
from oslo_config import cfg

from nova_trusted_launch.agent import deploy
from nova_trusted_launch.client.agent import AgentClient
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.client.trust import Verifier
from nova_trusted_launch.conf import agent as options
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.release import Action
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes import logs
from tests.fakes.agent_tpm import PortedTpm
from tests.fakes.tpm import FakeTpm
from tests.fixtures.host import profile

CAPTURE = logs.VECTORS / "hosts" / "sb-tcg"
HOST = "compute-1"
INSTANCE = "8f9f2b66-7d0c-4bbd-8f0a-3a6ed18f3c55"
NONCE = b"n" * 32


class Running:
    """An agent whose loop is stepped by hand, with its socket open."""

    def __init__(self, folder, service, pcrs=None) -> None:
        self.folder, self.service = folder, service
        self.tpm = PortedTpm(FakeTpm(ca=service.ca, host=HOST, pcrs=pcrs))
        self.client = TrustedLaunchClient(service.adapter("agent"))
        self.admin = TrustedLaunchClient(service.adapter("admin"))
        self.member = TrustedLaunchClient(service.adapter("member"))
        self.start()

    def start(self) -> None:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        options.register_opts(conf)
        for name, value in {
                "host": HOST, "allowed_users": [],
                "state_path": f"{self.folder}/agent.json",
                "socket_path": f"{self.folder}/agent.sock",
                "boot_log_path": f"{self.folder}/boot",
                "ima_log_path": f"{self.folder}/ima"}.items():
            conf.set_override(name, value, options.GROUP)
        self.agent = deploy.assemble(conf, self.tpm, self.client)
        self.agent.server.start()
        self.nova = AgentClient(f"{self.folder}/agent.sock", 20)

    def stop(self) -> None:
        self.agent.server.stop()

    def enrol(self) -> None:
        self.agent.loop.step()
        self.admin.attester_approve(HOST)
        self.agent.loop.step()

    def key(self, **policy) -> str:
        return self.member.key_create("image", b"\x11" * 32, {
            "profile": "baseline", **policy})["id"]

    def release(self, **more):
        self.service.nova.place(INSTANCE, HOST)
        return self.nova.release(INSTANCE, more.pop("action", Action.SPAWN),
                                 **{"image_id": "image-1", **more})


@pytest.fixture
def running(tmp_path, service):
    profile(service)
    made = Running(tmp_path, service)
    yield made
    made.stop()
    assert made.tpm.open_sessions == 0


def test_enrols_waits_for_approval_and_attests(running):
    running.agent.loop.step()
    assert running.nova.status()["state"] == "pending"
    running.admin.attester_approve(HOST)
    running.agent.loop.step()
    assert running.nova.status()["state"] == "attesting"
    (row,) = running.admin.results_list(host=HOST)
    result = Verifier(running.admin.jwks()).result(row["jwt"])
    assert result.tier is TrustTier.AFFIRMING


def test_release_ends_in_keys_and_a_receipt(running):
    running.enrol()
    launch = running.member.launch_create("baseline", nonce=NONCE)
    keys = running.release(key_id=running.key(), launch_id=launch["id"])
    assert keys.image_key == b"\x11" * 32
    assert keys.nonce == NONCE
    verifier = Verifier(running.member.jwks())
    receipt = verifier.receipt(keys.receipt)
    assert (receipt.instance_id, receipt.host) == (INSTANCE, HOST)
    assert running.nova.instance(INSTANCE)["trusted"]
    again = running.release(action=Action.REBOOT)
    assert (again.disk_key, again.image_key) == (
        keys.disk_key, keys.image_key)
    running.nova.close(INSTANCE)
    with pytest.raises(Refused) as refused:
        running.release(action=Action.POWER_ON)
    assert refused.value.code == Code.RELEASE_CLOSED


def test_instance_that_was_never_trusted_is_none(running):
    running.enrol()
    assert running.nova.instance(INSTANCE) is None


def test_e1_instance_elsewhere_is_refused(running):
    running.enrol()
    running.service.nova.place(INSTANCE, "compute-9")
    with pytest.raises(Refused) as refused:
        running.nova.release(INSTANCE, Action.SPAWN, profile="baseline")
    assert refused.value.code == Code.RELEASE_WRONG_PLACE


def test_pending_and_retired_hosts_get_nothing(running):
    running.agent.loop.step()
    with pytest.raises(Refused) as refused:
        running.release(profile="baseline")
    assert refused.value.code == Code.ATTESTER_PENDING
    running.admin.attester_approve(HOST)
    running.agent.loop.step()
    running.admin.attester_retire(HOST)
    with pytest.raises(Refused) as refused:
        running.release(profile="baseline")
    assert refused.value.code == Code.ATTESTER_RETIRED
    running.agent.loop.step()
    assert running.nova.status()["state"] == "retired"


def test_nova_down_is_no_decision(running):
    running.enrol()
    running.service.nova.place(INSTANCE, HOST)
    running.service.nova.down = True
    with pytest.raises(Unavailable) as refused:
        running.nova.release(INSTANCE, Action.SPAWN, profile="baseline")
    assert refused.value.code == Code.RELEASE_UNCONFIRMED


def test_restarted_agent_is_who_it_was(running):
    running.enrol()
    before = running.nova.status()["attester_id"]
    keys = running.release(profile="baseline")
    running.stop()
    running.start()
    assert running.nova.status()["attester_id"] == before
    assert running.release(
        action=Action.AUTO_RESUME).disk_key == keys.disk_key
    running.agent.loop.step()
    assert len(running.admin.attesters_list()) == 1


def test_rebooted_host_attests_and_starts_its_instances(running):
    running.enrol()
    keys = running.release(profile="baseline")
    running.tpm.chip.reboot()
    assert running.release(
        action=Action.AUTO_RESUME).disk_key == keys.disk_key
    running.agent.loop.step()
    assert running.nova.status()["state"] == "attesting"


def test_agent_attests_when_asked_over_the_socket(running):
    running.enrol()
    before = running.admin.attester_show(HOST)["last_seen_at"]
    running.service.clock.tick(seconds=30)
    running.nova.attest()
    thread = threading.Thread(target=running.agent.loop.run)
    thread.start()
    until = time.monotonic() + 10
    while running.admin.attester_show(HOST)["last_seen_at"] == before:
        assert time.monotonic() < until
        time.sleep(0.05)
    running.agent.loop.stop()
    thread.join(10)


class Captured:
    """An agent on a host with the logs and registers of a real one."""

    def __init__(self, folder, service) -> None:
        self.pcrs = dict(logs.pcrs_of("sb-tcg").values)
        (folder / "boot").write_bytes(
            (CAPTURE / "bios_measurements").read_bytes())
        self.ima = folder / "ima"
        self.list = logs.load_ima(CAPTURE / "ima_bin")
        self.ima.write_bytes(self.list.dump())
        self.running = Running(folder, service, self.pcrs)
        self.sent: list[Evidence] = []
        send = self.running.client.evidence_send
        self.running.client.evidence_send = lambda evidence: (
            self.sent.append(evidence) or send(evidence))

    def run(self, *paths: str) -> None:
        """Execute files: the kernel lists them and extends register 10."""
        for path in paths:
            entry = logs.ima_file(path, path.encode(), template="ima-sig")
            self.list.entries.append(entry)
            self.running.tpm.chip.extend(
                10, hashlib.sha256(entry.data).digest())
        self.ima.write_bytes(self.list.dump())

    def reboot(self) -> None:
        """Boot again the same way; the list starts anew, and longer."""
        self.running.tpm.chip.reboot()
        self.running.tpm.chip.values |= self.pcrs
        self.list = logs.load_ima(CAPTURE / "ima_bin")
        self.run(*(f"/usr/bin/other-{n}" for n in range(20)))

    def step(self) -> Evidence:
        """Attest; return what was sent and accepted."""
        self.running.agent.loop.step()
        assert self.running.nova.status()["state"] == "attesting"
        return self.sent[-1]


@pytest.fixture
def captured(tmp_path, service):
    profile(service)
    made = Captured(tmp_path, service)
    made.running.enrol()
    yield made
    made.running.stop()


def covers(evidence: Evidence, captured: Captured) -> bool:
    """Whether it holds the list from its offset to the end."""
    return evidence.ima_log == captured.list.dump()[evidence.ima_offset:]


def test_real_logs_are_accepted_as_they_grow(captured):
    (whole,) = captured.sent
    assert whole.ima_offset == 0
    assert covers(whole, captured)
    captured.run("/usr/bin/one", "/usr/bin/two")
    assert covers(captured.step(), captured)
    captured.running.stop()
    captured.running.start()
    captured.run("/usr/bin/three")
    assert covers(captured.step(), captured)


def test_reboot_sends_the_list_from_its_start(captured):
    captured.run("/usr/bin/one")
    captured.step()
    captured.reboot()
    assert captured.step().ima_offset == 0
    captured.run("/usr/bin/three")
    assert covers(captured.step(), captured)


def test_c13_entry_the_kernel_did_not_measure_is_refused(captured):
    captured.step()
    entry = logs.ima_file("/usr/bin/root-kit", b"x", template="ima-sig")
    before = len(captured.sent)
    captured.ima.write_bytes(
        captured.list.dump()[:-1] + b"X" + entry.dump())
    captured.running.tpm.chip.extend(10, b"z" * 32)
    captured.running.agent.loop.step()
    assert len(captured.sent) == before + 1
    assert captured.running.nova.status()["state"] == "failing"
