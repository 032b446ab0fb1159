# SPDX-License-Identifier: Apache-2.0
"""Every story of the service, each with the ports it needs.

The composition root makes the ports and calls :func:`assemble` once.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service import ports
from attestation_service.core.trust_anchors import TrustAnchors
from attestation_service.flows.attest import Attest
from attestation_service.flows.attesters import ManageAttesters
from attestation_service.flows.challenge import IssueChallenge
from attestation_service.flows.enrol import Enrol
from attestation_service.flows.housekeeping import Housekeep
from attestation_service.flows.instances import (
    ManageInstances,
    ReadReceipts,
    ReadReleases,
)
from attestation_service.flows.judgement import Publisher, Recorder
from attestation_service.flows.policies import Policies
from attestation_service.flows.provision.keys import ManageKeys
from attestation_service.flows.provision.launches import ManageLaunches
from attestation_service.flows.provision.preview import Draft, Preview
from attestation_service.flows.provision.profiles import ManageProfiles
from attestation_service.flows.provision.reference_values import (
    ManageReferenceValues,
)
from attestation_service.flows.release import AnswerRelease, RequestRelease
from attestation_service.flows.results import (
    Explain,
    ReadResults,
    TakeSnapshot,
)
from attestation_service.flows.sealing import Sealer
from attestation_service.flows.secrets import Secrets
from attestation_service.flows.settings import Settings
from attestation_service.flows.transparency import ProveLog


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world, as the composition root found it."""

    store: ports.Store
    vault: ports.KeyVault
    signer: ports.Signer
    instances: ports.Instances
    traits: ports.Traits
    agents: ports.AgentCalls
    random: ports.Randomness


@dataclass(frozen=True, slots=True)
class Flows:
    """What callers can do."""

    enrol: Enrol
    attesters: ManageAttesters
    challenge: IssueChallenge
    attest: Attest
    results: ReadResults
    explain: Explain
    snapshot: TakeSnapshot
    profiles: ManageProfiles
    preview: Preview
    draft: Draft
    reference_values: ManageReferenceValues
    keys: ManageKeys
    launches: ManageLaunches
    request_release: RequestRelease
    answer_release: AnswerRelease
    releases: ReadReleases
    instances: ManageInstances
    receipts: ReadReceipts
    transparency: ProveLog
    housekeep: Housekeep
    jwks: Callable[[], Mapping[str, Any]]


def assemble(outside: Ports, *, anchors: TrustAnchors,
             approved_eks: Container[bytes], settings: Settings) -> Flows:
    """Give every flow its ports."""
    o = outside
    policies = Policies(settings.result_life)
    recorder = Recorder(o.signer, o.random, settings)
    publisher = Publisher(o.traits, settings)
    return Flows(
        enrol=Enrol(o.store, anchors, o.random, approved_eks, settings),
        attesters=ManageAttesters(o.store, o.agents, publisher),
        challenge=IssueChallenge(o.store, o.random, policies, settings),
        attest=Attest(o.store, policies, recorder, publisher, settings),
        results=ReadResults(o.store),
        explain=Explain(o.store),
        snapshot=TakeSnapshot(o.store, o.signer, settings),
        profiles=ManageProfiles(o.store, o.agents),
        preview=Preview(o.store, settings),
        draft=Draft(o.store, settings),
        reference_values=ManageReferenceValues(o.store),
        keys=ManageKeys(o.store, o.vault, o.random),
        launches=ManageLaunches(o.store, o.vault, o.random, settings),
        request_release=RequestRelease(o.store, o.random, policies,
                                       settings),
        answer_release=AnswerRelease(
            o.store, policies, instances=o.instances,
            secrets=Secrets(o.vault, o.random),
            sealer=Sealer(o.signer, o.random, settings), signer=o.signer,
            recorder=recorder, publisher=publisher, settings=settings),
        releases=ReadReleases(o.store),
        instances=ManageInstances(o.store, o.vault),
        receipts=ReadReceipts(o.store),
        transparency=ProveLog(o.store, o.signer, settings),
        housekeep=Housekeep(o.store, publisher, settings),
        jwks=o.signer.jwks)
