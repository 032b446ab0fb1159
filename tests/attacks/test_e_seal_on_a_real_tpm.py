# SPDX-License-Identifier: Apache-2.0
"""E: what a real TPM does with released keys in the wrong state or place.

The agent's own release over swtpm; the service is its real core.  After each
attack the TPM holds no session and no object, and still works.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator

import pytest

from nova_trusted_launch.agent.attester import Collector
from nova_trusted_launch.agent.identity import Identities
from nova_trusted_launch.agent.logs import HostLogs
from nova_trusted_launch.agent.state import StateFile
from nova_trusted_launch.agent.tpm import SealRefused, TpmError
from nova_trusted_launch.agent.tpm_tss import calls, unsealing
from nova_trusted_launch.agent.tpm_tss.line import TssOptions
from nova_trusted_launch.agent.tpm_tss.tpm import TssTpm
from nova_trusted_launch.agent.unseal import Releaser
from nova_trusted_launch.client.errors import Refused
from nova_trusted_launch.wire.codes import Code
from tests.fakes.attestation import BUNDLE, FakeService
from tests.fixtures import swtpm
from tests.fixtures.tss import extend, handles

pytestmark = pytest.mark.swtpm

WANTED = {"instance_id": "instance-1", "action": "spawn", "profile": "gold",
          "image_id": "image-1", "key_id": None, "launch_id": None}
BOOT = 4


class Host:
    """One host: a real TPM and its agent's release."""

    def __init__(self, folder, device: swtpm.Swtpm, kind: str,
                 service: FakeService) -> None:
        self.device, self.service = device, service
        self.tpm = TssTpm(TssOptions(device.tcti, kinds=(kind,)))
        self.identities = Identities(
            self.tpm, service, StateFile(str(folder / f"{device.name}.json")),
            device.name, os.urandom)
        self.identities.ensure()
        self.releaser = Releaser(
            self.tpm, self.identities, service,
            Collector(self.tpm, HostLogs("", "")), parallel=2, patience=5)

    def release(self):
        return self.releaser.release(WANTED)

    def extend(self, register: int = BOOT) -> None:
        extend(self.device.tcti, register, b"changed")


@pytest.fixture(scope="module")
def devices(tmp_path_factory) -> Iterator[list[swtpm.Swtpm]]:
    one, two = (tmp_path_factory.mktemp(n) for n in ("one", "two"))
    with swtpm.running(one, name="one") as first, \
            swtpm.running(two, name="two") as second:
        yield [first, second]


@pytest.fixture(params=["ek-p384", "ek-rsa2048"])
def hosts(tmp_path, devices, request) -> Iterator[list[Host]]:
    service = FakeService(kind=request.param)
    yield [Host(tmp_path, d, request.param, service) for d in devices]
    service.lies.clear()
    for device in devices:
        assert handles(device.tcti) == []
    # The TPM goes on working.
    (tmp_path / "again").mkdir()
    made = Host(tmp_path / "again", devices[0], request.param,
                FakeService(kind=request.param))
    assert made.release().disk_key == BUNDLE.disk_key


def on_answer(host: Host, act) -> None:
    """Do something between the service's answer and the unsealing."""
    host.service.lies["release_answer"] = lambda answer: (
        act(answer) or answer)


def test_truthful_release_opens(hosts):
    assert hosts[0].release().image_key == BUNDLE.image_key


def test_e4_extend_before_unseal(hosts):
    on_answer(hosts[0], lambda _: hosts[0].extend())
    with pytest.raises(SealRefused, match="0x99d") as refused:
        hosts[0].release()
    assert refused.value.code == Code.SEAL_REFUSED


def test_e5_extend_between_quote_and_answer(hosts):
    """The service sees the state before, the TPM the one after."""
    host = hosts[0]
    collect = host.releaser._collector.collect

    def collected(*args):
        made = collect(*args)
        host.extend()
        return made

    host.releaser._collector.collect = collected
    with pytest.raises(SealRefused, match="0x99d"):
        host.release()


def test_e5_extend_between_policy_and_unseal(hosts, monkeypatch):
    """Even a register outside of the seal: the TPM says start again."""
    signed = unsealing.policy_signed

    def extended(esapi, *args):
        signed(esapi, *args)
        esapi.pcr_event(calls.TR(10), b"x")

    monkeypatch.setattr(unsealing, "policy_signed", extended)
    with pytest.raises(SealRefused, match="0x128"):
        hosts[0].release()
    monkeypatch.undo()


def test_e6_answer_replayed_in_a_new_session(hosts):
    kept = []
    on_answer(hosts[0], kept.append)
    hosts[0].release()
    hosts[0].service.lies["release_answer"] = lambda answer: (
        dataclasses.replace(answer, sealed_key=kept[0].sealed_key))
    # Another release's policyRef and another session's nonce.
    with pytest.raises(SealRefused, match="0x5db"):
        hosts[0].release()


def test_e6_answer_of_this_release_in_a_new_session(hosts):
    host = hosts[0]
    session = host.tpm.policy_session()
    kept = []

    def steal(answer):
        kept.append(answer)
        raise Refused("stolen", "the answer never arrives")

    host.service.lies["release_answer"] = steal
    with pytest.raises(Refused):
        host.release()
    with pytest.raises(SealRefused, match="0x5db"):
        session.unseal(kept[0].sealed_key, kept[0].release_id)
    session.close()


def test_e3_answer_used_after_its_expiry(hosts):
    host = hosts[0]
    seal = host.service.signer.seal
    host.service.signer.seal = lambda *args: seal(*args, expiration=1)
    on_answer(host, lambda _: time.sleep(1.5))
    with pytest.raises(SealRefused, match="expired"):
        host.release()


def test_e10_answer_stolen_and_tried_on_another_tpm(hosts):
    one, two = hosts
    kept = []

    def steal(answer):
        kept.append(answer)
        raise Refused("stolen", "the answer never arrives")

    one.service.lies["release_answer"] = steal
    with pytest.raises(Refused):
        one.release()
    session = two.tpm.policy_session()
    with pytest.raises(SealRefused, match="another TPM"):
        session.unseal(kept[0].sealed_key, kept[0].release_id)
    session.close()


@pytest.mark.parametrize("field", [
    "public", "duplicate", "seed", "policy_signature", "policy_key"])
def test_e_changed_answer_does_not_open(hosts, field):
    def changed(answer):
        data = bytearray(getattr(answer.sealed_key, field))
        data[-1] ^= 1
        return dataclasses.replace(answer, sealed_key=dataclasses.replace(
            answer.sealed_key, **{field: bytes(data)}))

    hosts[0].service.lies["release_answer"] = changed
    with pytest.raises(TpmError):
        hosts[0].release()
