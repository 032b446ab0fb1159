# SPDX-License-Identifier: Apache-2.0
"""The operators' half of the fake client."""

from __future__ import annotations

import datetime
import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from nova_trusted_launch.client.errors import Refused
from nova_trusted_launch.client.fake_profiles import FakeProfiles
from nova_trusted_launch.client.fake_state import Json, page
from nova_trusted_launch.client.trust import RESULT_TYPE
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import AttestationResult, Finding
from nova_trusted_launch.wire.results import TrustClaim, TrustTier
from nova_trusted_launch.wire.snapshot import SNAPSHOT_TYPE, Snapshot
from nova_trusted_launch.wire.snapshot import SnapshotEntry


class FakeOperating(FakeProfiles):
    """Attesters and results as well, in memory."""

    # Attesters.

    def attesters_list(self, *, state: str | None = None,
                       host: str | None = None, limit: int | None = None,
                       marker: str | None = None) -> list[Json]:
        found = [a for a in self.state.attesters.values()
                 if state in {None, a["state"]} and host in {None, a["host"]}]
        return page(sorted(found, key=lambda a: a["host"]), "id", limit,
                    marker)

    def attester_show(self, attester: str) -> Json:
        return dict(self.state.attester(attester))

    def attester_label(self, attester: str,
                       labels: Mapping[str, str]) -> Json:
        return self._change(attester, labels=dict(labels))

    def attester_approve(self, attester: str) -> Json:
        return self._change(attester, state="approved")

    def attester_retire(self, attester: str) -> None:
        gone = self._change(attester, state="retired")
        for host, profile in list(self.state.results):
            if host == gone["host"]:
                self.state.withdraw(host, profile)

    def attester_attest(self, attester: str | None = None) -> None:
        if attester is not None:
            self.state.attester(attester)

    def attester_explain(self, attester: str,
                         profile: str | None = None) -> Json:
        found = self.state.attester(attester)
        return {"attester": dict(found), "evidence": [], "results": [
            {**{k: v for k, v in row.items() if k != "jwt"},
             "findings": self.state.findings[key]}
            for key, (_, row) in self.state.results.items()
            if key[0] == found["host"] and profile in {None, key[1]}]}

    def attester_evidence_list(self, attester: str) -> list[Json]:
        self.state.attester(attester)
        return []

    def attester_evidence_show(self, attester: str,
                               evidence_id: str) -> Json:
        self.state.attester(attester)
        raise Refused(Code.REQUEST_NOT_FOUND, "no such evidence")

    # Results.

    def results_list(self, *, attester: str | None = None,
                     host: str | None = None, profile: str | None = None,
                     limit: int | None = None,
                     marker: str | None = None) -> list[Json]:
        return [dict(row) for _, row in self.state.rows()
                if row["jwt"] and attester in {None, row["attester_id"]}
                and host in {None, row["host"]}
                and profile in {None, row["profile"]}][:limit]

    def results_history(self, attester: str, *,
                        profile: str | None = None,
                        limit: int | None = None,
                        marker: str | None = None) -> list[Json]:
        found = self.state.attester(attester)
        return self.results_list(host=found["host"], profile=profile,
                                 limit=limit)

    def results_snapshot(self, since: int | None = None) -> str:
        state, base = self.state, since or 0
        entries = tuple(
            SnapshotEntry(row["host"], row["profile"],
                          TrustTier.from_label(row["tier"]),
                          int(encoding.untimestamp(
                              row["expires_at"], "expires_at").timestamp()))
            for sequence, row in self.state.rows() if sequence > base)
        now = state.now()
        return state.signer.sign(Snapshot(
            base, state.sequence, now, now + datetime.timedelta(minutes=5),
            entries).to_claims(), SNAPSHOT_TYPE)

    # What a test sets.

    def add_host(self, host: str, *, state: str = "approved",
                 hardware: bool = False, **fields: Any) -> Json:
        """Enrol a host; return its attester."""
        digest = hashlib.sha256(host.encode()).hexdigest()
        made = {"id": str(uuid.uuid4()), "host": host, "state": state,
                "labels": {}, "manufacturer": "id:00001014",
                "firmware": "2019", "hardware": hardware,
                "ek_digest": digest, "ak_name": "000b" + digest,
                "created_at": self.state.stamp(),
                "updated_at": self.state.stamp(), "last_seen_at": None,
                **fields}
        self.state.attesters[made["id"]] = made
        return dict(made)

    def set_result(self, host: str, profile: str,
                   tier: TrustTier = TrustTier.AFFIRMING, *,
                   valid_for: datetime.timedelta = datetime.timedelta(
                       minutes=10)) -> str:
        """Give a host a result; return its JWT."""
        known = next((a for a in self.state.attesters.values()
                      if a["host"] == host), None) or self.add_host(host)
        now = self.state.now()
        finding = Finding("fake", TrustClaim.EXECUTABLES, tier,
                          f"the test says {tier.label}")
        result = AttestationResult(
            known["id"], host, profile, 1, (finding,), now,
            now + valid_for, 1, known["hardware"])
        token = self.state.signer.sign(result.to_claims(), RESULT_TYPE)
        self.state.keep(host, profile, {
            "host": host, "profile": profile, "version": 1,
            "tier": tier.label, "issued_at": encoding.timestamp(now),
            "expires_at": encoding.timestamp(result.expires_at),
            "attester_id": known["id"], "hardware": known["hardware"],
            "jwt": token})
        self.state.findings[host, profile] = [finding.to_dict()]
        return token

    # Inside.

    def _change(self, name: str, **changes: Any) -> Json:
        known = self.state.attester(name)
        known.update(changes, updated_at=self.state.stamp())
        return dict(known)
