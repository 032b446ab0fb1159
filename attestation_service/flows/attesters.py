# SPDX-License-Identifier: Apache-2.0
"""What operators do with attesters: look, approve, label, retire, hurry."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from oslo_log import log

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.flows import events
from attestation_service.flows.judgement import Publisher
from attestation_service.ports import AgentCalls, Store, UnitOfWork
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

LOG = log.getLogger(__name__)
MAX_LABELS = 64


class ManageAttesters:
    """Operators' decisions about hosts."""

    def __init__(self, store: Store, agents: AgentCalls,
                 publisher: Publisher) -> None:
        self._store = store
        self._agents = agents
        self._publisher = publisher

    def find(self, name: str) -> r.Attester:
        """Return an attester by id or host name."""
        with self._store.unit() as unit:
            return unit.attesters.find(name)

    def list(self, page: r.Page) -> Sequence[r.Attester]:
        """List attesters; see :class:`ports.Attesters`."""
        with self._store.unit() as unit:
            return unit.attesters.list(page)

    def evidence(self, name: str) -> Sequence[r.KeptEvidence]:
        """Return what evidence is kept of a host, newest first."""
        with self._store.unit() as unit:
            return unit.kept_evidence.list(unit.attesters.find(name).id)

    def evidence_of(self, name: str, evidence_id: str) -> r.KeptEvidence:
        """Return one piece of kept evidence.

        :raises Unknown: there is none of that id, or not any more.
        """
        for kept in self.evidence(name):
            if kept.id == evidence_id:
                return kept
        raise errors.Unknown(f"no evidence {evidence_id!r} of {name!r} is "
                             "kept")

    def approve(self, name: str, now: r.Time) -> r.Attester:
        """Let a pending attester attest; one approved already stays so.

        :raises Forbidden: it has been retired.
        """
        with self._store.unit() as unit:
            was = unit.attesters.find(name)
            _refuse_retired(was)
            if was.state is r.AttesterState.APPROVED:
                return was
            attester = _change(unit, was, now,
                               state=r.AttesterState.APPROVED)
            unit.outbox.put(events.attester_state(attester, was.state, now))
        self._hurry(attester.host)
        return attester

    def label(self, name: str, labels: Mapping[str, str],
              now: r.Time) -> r.Attester:
        """Replace the labels; what was found out with the old ones ends.

        :raises Invalid: not names and values.
        :raises Forbidden: it has been retired.
        """
        validate_labels(labels)
        with self._store.unit() as unit:
            was = unit.attesters.find(name)
            _refuse_retired(was)
            if dict(was.labels) == dict(labels):
                return was
            attester = _change(unit, was, now, labels=dict(labels))
            unit.results.drop(now, attester_id=attester.id)
        self._hurry(attester.host)
        return attester

    def retire(self, name: str, now: r.Time) -> None:
        """Retire an attester for ever; its results end at once."""
        with self._store.unit() as unit:
            was = unit.attesters.find(name)
            if was.state is r.AttesterState.RETIRED:
                return
            attester = _change(unit, was, now, state=r.AttesterState.RETIRED)
            unit.results.drop(now, attester_id=attester.id)
            unit.outbox.put(events.attester_state(attester, was.state, now))
            profiles = [name for name, _ in unit.profiles.active()]
        self._publisher.publish(attester.host, (), profiles, now)

    def attest_now(self, name: str | None) -> None:
        """Ask one host's agent, or all, to attest now.

        :raises Unknown: no such attester.
        :raises Unavailable: the bus does not answer.
        """
        self._agents.attest_now(None if name is None
                                else self.find(name).host)

    def _hurry(self, host: str) -> None:
        """Ask for evidence; without a bus the agent's interval will do."""
        try:
            self._agents.attest_now(host)
        except errors.Unavailable as exc:
            LOG.info("Agent of %(host)s is not asked to attest now: %(why)s",
                     {"host": host, "why": exc})


def validate_labels(labels: Mapping[str, str]) -> None:
    """Refuse what is no set of labels.

    :raises Invalid: too many, or a name or value that is not printable text.
    """
    if len(labels) > MAX_LABELS:
        raise errors.Invalid(f"labels: more than {MAX_LABELS}")
    for name, value in labels.items():
        try:
            encoding.text(name, "name")
            encoding.text(value, "value")
        except encoding.WireError as exc:
            raise errors.Invalid(f"labels: {name!r}: {exc}") from exc


def _refuse_retired(attester: r.Attester) -> None:
    if attester.state is r.AttesterState.RETIRED:
        raise errors.Forbidden(f"host {attester.host!r} has been retired",
                               Code.ATTESTER_RETIRED)


def _change(unit: UnitOfWork, was: r.Attester, now: r.Time,
            **changes: object) -> r.Attester:
    attester = dataclasses.replace(
        was, updated_at=now, **changes)  # type: ignore[arg-type]
    unit.attesters.save(attester, was=was)
    return attester
