# SPDX-License-Identifier: Apache-2.0
"""An agent's parts over a truthful TPM and a truthful service."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from nova_trusted_launch.agent.attester import Attester, Collector
from nova_trusted_launch.agent.identity import Identities
from nova_trusted_launch.agent.logs import HostLogs
from nova_trusted_launch.agent.state import StateFile
from nova_trusted_launch.agent.unseal import Releaser
from tests.fakes.agent_tpm import PortedTpm
from tests.fakes.attestation import FakeService

HOST = "compute-1"


@dataclass
class Host:
    """A host's agent, without the daemon around it."""

    tpm: PortedTpm
    service: FakeService
    state: StateFile
    logs: HostLogs
    name: str = HOST

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything but the state file."""
        self.identities = Identities(self.tpm, self.service, self.state,
                                     self.name, os.urandom)
        self.collector = Collector(self.tpm, self.logs)
        self.attester = Attester(self.identities, self.service,
                                 self.collector)
        self.releaser = Releaser(
            self.tpm, self.identities, self.service, self.collector,
            parallel=2, patience=0.2)


@pytest.fixture
def host(tmp_path) -> Host:
    return Host(PortedTpm(), FakeService(),
                StateFile(str(tmp_path / "state" / "agent.json")),
                HostLogs(str(tmp_path / "boot"), str(tmp_path / "ima")))
