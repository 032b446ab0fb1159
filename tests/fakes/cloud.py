# SPDX-License-Identifier: Apache-2.0
"""A whole service in memory with hosts that have a TPM each.

Tests of flows start here: every part is real but the edges, and what a host
sends was signed by its TPM.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import secrets
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from attestation_service import records as r
from attestation_service.core.trust_anchors import TrustAnchors
from attestation_service.flows.assembly import Flows, Ports, assemble
from attestation_service.flows.settings import Settings
from nova_trusted_launch.wire.challenge import Challenge
from nova_trusted_launch.wire.enrolment import (
    EnrolmentRequest,
    activation_proof,
)
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.release import (
    Action,
    Bundle,
    Released,
    ReleaseRequest,
)
from tests.fakes.ca import FakeCa
from tests.fakes.logs import ImaList, ima_file
from tests.fakes.outside import (
    Clock,
    FakeAgents,
    FakeNova,
    FakePlacement,
    MemorySigner,
    MemoryVault,
    SeededRandomness,
)
from tests.fakes.stores import MemoryStore
from tests.fakes.tpm import FakeTpm

PROFILE = {"schema": 1, "valid_for": 600, "require": [
    {"tpm": {"manufacturers": ["IFX"]}}]}


class Host:
    """A host and its agent: what it sends is true unless a test lies."""

    def __init__(self, cloud: Cloud, name: str, tpm: FakeTpm,
                 user_id: str) -> None:
        self.cloud, self.name, self.tpm = cloud, name, tpm
        self.user_id = user_id
        self.id = ""
        self.ima: ImaList | None = None

    def enrolment(self, **changes: Any) -> EnrolmentRequest:
        """Return what the agent claims of its TPM."""
        return dataclasses.replace(EnrolmentRequest(
            self.name, self.tpm.ek_certificate, self.tpm.intermediates,
            self.tpm.ek_public, self.tpm.ak_public), **changes)

    def enrol(self, *, approve: bool = True) -> r.Attester:
        """Enrol, and have an operator approve."""
        now, flows = self.cloud.clock(), self.cloud.flows
        asked = flows.enrol.begin(self.enrolment(), self.user_id, now)
        credential = self.tpm.activate_credential(asked.id_object,
                                                  asked.secret)
        attester = flows.enrol.activate(
            asked.enrolment_id,
            activation_proof(credential, asked.enrolment_id), self.user_id,
            now)
        self.id = attester.id
        if approve:
            attester = flows.attesters.approve(attester.id, now)
        return attester

    def measure(self, path: str, contents: bytes = b"") -> None:
        """Run a file on a host whose kernel measures files."""
        if self.ima is None:
            self.ima = ImaList()
            self.measure("boot_aggregate", self.tpm.bank(
                range(10)).concatenated())
        entry = ima_file(path, contents)
        self.ima.entries.append(entry)
        self.tpm.extend(10, hashlib.sha256(entry.data).digest())

    def reboot(self, pcrs: Any = None) -> None:
        """Reboot, into another state if that is given."""
        self.tpm.reboot()
        self.tpm.values.update(pcrs or {})
        self.ima = None

    def evidence(self, challenge: Challenge, qualifying: bytes | None = None,
                 **lies: Any) -> Evidence:
        """Answer a challenge; each of ``lies`` replaces a field."""
        log, offset = None, 0
        if self.ima is not None:
            log = self.ima.dump()
            offset = challenge.ima_offset
            # A list that is shorter now is another boot's: send all of it.
            offset = offset if offset <= len(log) else 0
            log = log[offset:]
        quote, signature = self.tpm.quote(
            qualifying or challenge.nonce, challenge.selection)
        return dataclasses.replace(Evidence(
            self.id, challenge.nonce, quote, signature,
            self.tpm.bank(challenge.selection.registers), None, log, offset),
            **lies)

    def challenge(self) -> Challenge:
        """Ask for a challenge."""
        return self.cloud.flows.challenge(self.id, self.user_id,
                                          self.cloud.clock())

    def attest(self, **lies: Any) -> list[r.StoredResult]:
        """Attest once."""
        return self.cloud.flows.attest(
            self.evidence(self.challenge(), **lies), self.user_id,
            self.cloud.clock())

    def ask(self, instance_id: str = "vm-1", action: Action = Action.SPAWN,
            **asked: Any) -> Asked:
        """Open a release in a new session of the TPM."""
        request = ReleaseRequest(self.id, instance_id, action,
                                 self.tpm.start_session(), **asked)
        release, challenge = self.cloud.flows.request_release(
            request, self.user_id, self.cloud.clock())
        return Asked(self, request, release, challenge)

    def release(self, instance_id: str = "vm-1",
                action: Action = Action.SPAWN, **asked: Any) -> Bundle:
        """Get an instance's keys, all the way to what is in them."""
        return self.ask(instance_id, action, **asked).keys()


@dataclasses.dataclass
class Asked:
    """A release that a host asked for and did not answer yet."""

    host: Host
    request: ReleaseRequest
    release: r.Release
    challenge: Challenge
    released: Released | None = None

    def evidence(self, **lies: Any) -> Evidence:
        """Quote over the request."""
        return self.host.evidence(
            self.challenge, self.request.binding(self.challenge.nonce),
            **lies)

    def answer(self, **lies: Any) -> Released:
        """Send the evidence."""
        cloud = self.host.cloud
        self.released = cloud.flows.answer_release(
            self.release.id, self.evidence(**lies), self.host.user_id,
            cloud.clock())
        return self.released

    def keys(self) -> Bundle:
        """Answer and unseal."""
        return unseal(self.host.tpm, self.answer(), self.request.nonce_tpm)

    @property
    def kept(self) -> r.Release:
        """The release as it is kept."""
        return self.host.cloud.flows.releases.show(self.release.id, None)


def unseal(tpm: FakeTpm, released: Released, nonce_tpm: bytes) -> Bundle:
    """Open what was released, as the agent does."""
    sealed = released.sealed_key
    key = tpm.unseal(sealed, released.release_id, nonce_tpm)
    return Bundle.from_bytes(AESGCM(key).decrypt(
        sealed.bundle[:12], sealed.bundle[12:],
        released.release_id.encode()))


class Cloud:
    """The service and everything around it."""

    def __init__(self, *, store: Any = None, hardware: bool = False,
                 approved_eks: Any = (), **settings: Any) -> None:
        self.clock = Clock()
        self.ca = FakeCa()
        self.store = store or MemoryStore()
        self.vault, self.signer = MemoryVault(), MemorySigner()
        self.nova, self.placement = FakeNova(), FakePlacement()
        self.agents, self.random = FakeAgents(), SeededRandomness()
        self.settings = Settings(**settings)
        root = (self.ca.root.der,)
        self.flows: Flows = assemble(
            Ports(self.store, self.vault, self.signer, self.nova,
                  self.placement, self.agents, self.random),
            anchors=TrustAnchors.of(hardware=root) if hardware
            else TrustAnchors.of(software=root),
            approved_eks=approved_eks, settings=self.settings)

    def host(self, name: str = "host-1", *, enrol: bool = True,
             ek: str = "ek-p256", user_id: str = "agents",
             pcrs: Any = None) -> Host:
        """Set up a host; enrolled and approved unless told otherwise."""
        host = Host(self, name, FakeTpm(
            ca=self.ca, ek=ek, pcrs=pcrs, host=name), user_id)
        if enrol:
            host.enrol()
        return host

    def profile(self, name: str = "gold", document: Any = None, *,
                projects: Any = None, activate: bool = True) -> None:
        """Write a profile and put it in force."""
        self.flows.profiles.create(
            name=name, description="", document=document or PROFILE,
            projects=projects, activate=activate, user_id="operator",
            now=self.clock())

    def key(self, project_id: str = "p1", *, secret: bytes | None = None,
            **policy: Any) -> r.Key:
        """Register an image key."""
        return self.flows.keys.create(
            "image key", r.KeyMaterial(secret or secrets.token_bytes(32)),
            r.ReleasePolicy(**{"profile": "gold", **policy}), project_id,
            self.clock())

    def token(self, project_id: str = "p1", **changes: Any
              ) -> tuple[r.Launch, bytes | None]:
        """Create a launch token."""
        return self.flows.launches.create(**{
            "profile": "gold", "nonce": None, "image_id": None,
            "image_digest": None, "expires_in": None,
            "project_id": project_id, "user_id": "tenant",
            "now": self.clock(), **changes})

    def tick(self, **delta: float) -> datetime.datetime:
        """Let time pass."""
        return self.clock.tick(**delta)

    def events(self) -> list[r.Event]:
        """Return what waits for the bus."""
        return self.store.tables.outbox.events()
