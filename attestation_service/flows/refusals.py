# SPDX-License-Identifier: Apache-2.0
"""Keep the refusals of releases: the reason, whose it is, and the results.

Not decided here: that a release is refused (``core.release``, and whatever
else stands between evidence and keys).
"""

from __future__ import annotations

import dataclasses

from oslo_log import log

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.release_case import Refuse
from attestation_service.flows import events
from attestation_service.flows.hearing import Hearing
from attestation_service.flows.judgement import Publisher, Recorded, Recorder
from attestation_service.ports import Instances, Store, UnitOfWork
from nova_trusted_launch.wire.codes import Code

LOG = log.getLogger(__name__)


class Refusals:
    """Ends releases that are refused."""

    def __init__(self, store: Store, instances: Instances,
                 recorder: Recorder, publisher: Publisher) -> None:
        self._store = store
        self._instances = instances
        self._recorder = recorder
        self._publisher = publisher

    def refuse(self, hearing: Hearing, refuse: Refuse) -> None:
        """Keep a refusal with what was found out about the host."""
        judged, now = hearing.judged, hearing.now
        signed = self._recorder.sign(judged)
        recorded = None
        with self._store.unit() as unit:
            attester = unit.attesters.hold(judged.attester.id)
            if attester.state is r.AttesterState.APPROVED:
                recorded = self._recorder.record(unit, attester, judged,
                                                 signed, now)
            close(unit, _refused(hearing.release, refuse.code,
                                 refuse.detail), now)
        if recorded is not None:
            tell(self._publisher, hearing, recorded)

    def keep(self, release: r.Release, exc: errors.Refusal,
             now: r.Time) -> None:
        """Keep a refusal that came as an exception, unless it is kept."""
        release = self.owned(release)
        try:
            with self._store.unit() as unit:
                now_is = unit.releases.load(release.id)
                if now_is.state is r.ReleaseState.OPEN:
                    close(unit, _refused(release, exc.code, str(exc)), now)
        except errors.Refusal as failed:
            LOG.warning("Release %(id)s was refused (%(code)s) but that is "
                        "not kept: %(why)s",
                        {"id": release.id, "code": exc.code, "why": failed})

    def owned(self, release: r.Release) -> r.Release:
        """Find out whose instance it is: its project may see the refusal."""
        if release.project_id:
            return release
        try:
            where = self._instances.locate(release.instance_id)
        except errors.Refusal:
            return release
        if where is None or release.host not in where.hosts:
            return release
        return dataclasses.replace(release, project_id=where.project_id)


def tell(publisher: Publisher, hearing: Hearing, recorded: Recorded) -> None:
    """Publish what a release's evidence said about its host."""
    publisher(hearing.judged.attester.host,
              [s.result for s in recorded.results],
              changed=recorded.changed, now=hearing.now)


def _refused(release: r.Release, code: Code, detail: str) -> r.Release:
    return dataclasses.replace(release, state=r.ReleaseState.REFUSED,
                               code=str(code), detail=detail)


def close(unit: UnitOfWork, release: r.Release, now: r.Time) -> None:
    """End a release, granted or refused, and tell of it."""
    unit.releases.close(release)
    unit.outbox.put(events.release_decided(release, now))
