# SPDX-License-Identifier: Apache-2.0
"""Two hundred releases, good and bad, leave nothing in the TPM."""

from __future__ import annotations

import dataclasses
import os
import random
import threading

import pytest

from nova_trusted_launch.agent.attester import Attester, Collector
from nova_trusted_launch.agent.identity import Identities
from nova_trusted_launch.agent.logs import HostLogs
from nova_trusted_launch.agent.state import StateFile
from nova_trusted_launch.agent.tpm import TpmError
from nova_trusted_launch.agent.tpm_tss.line import TssOptions
from nova_trusted_launch.agent.tpm_tss.tpm import TssTpm
from nova_trusted_launch.agent.unseal import Releaser
from nova_trusted_launch.client.errors import ClientError, Unavailable
from tests.fakes.attestation import BUNDLE, FakeService
from tests.fixtures import swtpm
from tests.fixtures.tss import handles

pytestmark = pytest.mark.swtpm

WANTED = {"instance_id": "i", "action": "spawn", "profile": "gold",
          "image_id": None, "key_id": None, "launch_id": None}
RELEASES = 200


def fails(_answer):
    raise Unavailable("down")


def swapped(answer):
    sealed = dataclasses.replace(
        answer.sealed_key, seed=answer.sealed_key.seed[::-1])
    return dataclasses.replace(answer, sealed_key=sealed)


def unsigned(answer):
    sealed = answer.sealed_key
    return dataclasses.replace(answer, sealed_key=dataclasses.replace(
        sealed, policy_signature=sealed.policy_signature[:-1] + bytes(1)))


LIES = [("release_request", fails), ("release_answer", fails),
        ("release_answer", swapped), ("release_answer", unsigned)]


@pytest.mark.parametrize("kind", ["ek-p384", "ek-rsa2048"])
def test_releases_and_attestations_leak_nothing(tmp_path, kind):
    with swtpm.running(tmp_path) as device:
        service = FakeService(kind=kind)
        tpm = TssTpm(TssOptions(device.tcti, kinds=(kind,)))
        identities = Identities(tpm, service, StateFile(
            str(tmp_path / "agent.json")), "host", os.urandom)
        collector = Collector(tpm, HostLogs("", ""))
        attester = Attester(identities, service, collector)
        releaser = Releaser(tpm, identities, service, collector, parallel=2,
                            patience=60)
        attester.attest()
        counts = {"good": 0, "bad": 0, "attested": 0}
        lock, done = threading.Lock(), threading.Event()

        def release(number: int) -> None:
            chance = random.Random(number)
            for _ in range(RELEASES // 4):
                with lock:
                    if chance.random() < 0.3:
                        method, lie = chance.choice(LIES)
                        service.lies[method] = lie
                    else:
                        service.lies.clear()
                try:
                    keys = releaser.release(WANTED)
                    assert keys.disk_key == BUNDLE.disk_key
                    outcome = "good"
                except (ClientError, TpmError):
                    outcome = "bad"
                with lock:
                    counts[outcome] += 1

        def attest() -> None:
            while not done.wait(0.02):
                attester.attest()
                counts["attested"] += 1

        routine = threading.Thread(target=attest)
        routine.start()
        threads = [threading.Thread(target=release, args=(n,))
                   for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        done.set()
        routine.join(20)
        assert counts["good"] + counts["bad"] == RELEASES
        assert min(counts["good"], counts["bad"]) > 5
        # How often it gets its turn at the TPM, the machine decides.
        assert counts["attested"] > 0
        assert handles(device.tcti) == []
        service.lies.clear()
        assert releaser.release(WANTED).disk_key == BUNDLE.disk_key
