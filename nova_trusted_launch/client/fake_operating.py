# SPDX-License-Identifier: Apache-2.0
"""The operators' half of the fake client."""

from __future__ import annotations

import datetime
import hashlib
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nova_trusted_launch.client.errors import Refused
from nova_trusted_launch.client.fake_log import FakeLog, FakeSigner
from nova_trusted_launch.client.trust import RESULT_TYPE
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import AttestationResult, Finding
from nova_trusted_launch.wire.results import TrustClaim, TrustTier
from nova_trusted_launch.wire.snapshot import SNAPSHOT_TYPE, Snapshot
from nova_trusted_launch.wire.snapshot import SnapshotEntry

Json = dict[str, Any]


class _Inside(threading.local):
    """Whether this thread is in a call: what that calls does not count."""

    call = False


class FakeState:
    """Everything the fake service remembers.

    ``failure`` is raised by every call while it is set; ``calls`` names the
    calls that were made.
    """

    def __init__(self, now: Callable[[], datetime.datetime],
                 project_id: str) -> None:
        self.now, self.project_id = now, project_id
        self.failure: Exception | None = None
        self.calls: list[str] = []
        self.inside = _Inside()
        self.signer, self.log = FakeSigner(), FakeLog()
        self.attesters: dict[str, Json] = {}
        self.results: dict[tuple[str, str], tuple[int, Json]] = {}
        self.findings: dict[tuple[str, str], list[Json]] = {}
        self.profiles: dict[str, Json] = {}
        self.versions: dict[str, list[Json]] = {}
        self.references: dict[str, Json] = {}
        self.keys: dict[str, Json] = {}
        self.launches: dict[str, Json] = {}
        self.releases: list[Json] = []
        self.receipts: list[Json] = []
        self.instances: dict[str, Json] = {}
        self.sequence = 0

    def stamp(self, **after: float) -> str:
        """Return a time as the API shows it."""
        return encoding.timestamp(
            self.now() + datetime.timedelta(**after))


class FakeOperating:
    """Attesters, results, profiles and reference values, in memory."""

    state: FakeState

    # Attesters.

    def attesters_list(self, *, state: str | None = None,
                       host: str | None = None, limit: int | None = None,
                       marker: str | None = None) -> list[Json]:
        found = [a for a in self.state.attesters.values()
                 if state in {None, a["state"]} and host in {None, a["host"]}]
        return page(sorted(found, key=lambda a: a["host"]), "id", limit,
                    marker)

    def attester_show(self, attester: str) -> Json:
        return dict(self._attester(attester))

    def attester_label(self, attester: str,
                       labels: Mapping[str, str]) -> Json:
        return self._change(attester, labels=dict(labels))

    def attester_approve(self, attester: str) -> Json:
        return self._change(attester, state="approved")

    def attester_retire(self, attester: str) -> None:
        gone = self._change(attester, state="retired")
        for host, profile in list(self.state.results):
            if host == gone["host"]:
                self._withdraw(host, profile)

    def attester_attest(self, attester: str | None = None) -> None:
        if attester is not None:
            self._attester(attester)

    def attester_explain(self, attester: str,
                         profile: str | None = None) -> Json:
        found = self._attester(attester)
        return {"attester": dict(found), "evidence": [], "results": [
            {**{k: v for k, v in row.items() if k != "jwt"},
             "findings": self.state.findings[key]}
            for key, (_, row) in self.state.results.items()
            if key[0] == found["host"] and profile in {None, key[1]}]}

    def attester_evidence_list(self, attester: str) -> list[Json]:
        self._attester(attester)
        return []

    def attester_evidence_show(self, attester: str,
                               evidence_id: str) -> Json:
        self._attester(attester)
        raise Refused(Code.REQUEST_NOT_FOUND, "no such evidence")

    # Results.

    def results_list(self, *, attester: str | None = None,
                     host: str | None = None, profile: str | None = None,
                     limit: int | None = None,
                     marker: str | None = None) -> list[Json]:
        return [dict(row) for _, row in self._rows()
                if attester in {None, row["attester_id"]}
                and host in {None, row["host"]}
                and profile in {None, row["profile"]}][:limit]

    def results_history(self, attester: str, *,
                        profile: str | None = None,
                        limit: int | None = None,
                        marker: str | None = None) -> list[Json]:
        found = self._attester(attester)
        return self.results_list(host=found["host"], profile=profile,
                                 limit=limit)

    def results_snapshot(self, since: int | None = None) -> str:
        state, base = self.state, since or 0
        entries = tuple(
            SnapshotEntry(row["host"], row["profile"],
                          TrustTier.from_label(row["tier"]),
                          int(encoding.untimestamp(
                              row["expires_at"], "expires_at").timestamp()))
            for sequence, row in self._rows() if sequence > base)
        now = state.now()
        return state.signer.sign(Snapshot(
            base, state.sequence, now, now + datetime.timedelta(minutes=5),
            entries).to_claims(), SNAPSHOT_TYPE)

    # Profiles.

    def profiles_list(self, *, limit: int | None = None,
                      marker: str | None = None) -> list[Json]:
        return page([self._seen(p) for _, p in sorted(
            self.state.profiles.items())], "name", limit, marker)

    def profile_create(self, name: str, document: Any, *,
                       description: str = "",
                       projects: Sequence[str] | None = None,
                       activate: bool = False) -> Json:
        if name in self.state.profiles:
            raise Refused(Code.PROFILE_TAKEN, f"{name} exists")
        self.state.profiles[name] = {
            "name": name, "description": description,
            "active_version": None,
            "projects": None if projects is None else list(projects),
            "created_at": self.state.stamp(),
            "updated_at": self.state.stamp()}
        self.state.versions[name] = []
        self.profile_version_create(name, document, activate=activate)
        return self.profile_show(name)

    def profile_show(self, name: str) -> Json:
        return self._seen(self._profile(name))

    def profile_versions(self, name: str) -> list[Json]:
        self._profile(name)
        return [dict(v) for v in self.state.versions[name]]

    def profile_version_show(self, name: str, version: int) -> Json:
        for known in self.profile_versions(name):
            if known["version"] == version:
                return known
        raise Refused(Code.PROFILE_UNKNOWN, f"{name} has no {version}")

    def profile_version_create(self, name: str, document: Any, *,
                               activate: bool = False) -> Json:
        known = self._profile(name)
        version = {"name": name, "document": document,
                   "version": len(self.state.versions[name]) + 1,
                   "created_at": self.state.stamp(), "created_by": "fake"}
        self.state.versions[name].append(version)
        if activate:
            known["active_version"] = version["version"]
        return dict(version)

    def profile_update(self, name: str, **changes: Any) -> Json:
        self._profile(name).update(changes)
        return self.profile_show(name)

    def profile_retire(self, name: str) -> None:
        self._profile(name)["active_version"] = None
        for host, profile in list(self.state.results):
            if profile == name:
                self._withdraw(host, profile)

    def profile_preview(self, document: Any,
                        host: str | None = None) -> list[Json]:
        return []

    def profile_draft(self, host: str, *, files: bool = True) -> Any:
        self._attester(host)
        rules: list[Json] = [{"tpm": {"manufacturers": ["IFX"]}}]
        if files:
            rules.append({"ima": {"values": {"00" * 32: ["/sbin/init"]}}})
        return {"schema": 1, "require": rules}

    # Reference values.

    def references_list(self, *, limit: int | None = None,
                        marker: str | None = None) -> list[Json]:
        return page([{k: v for k, v in r.items() if k != "values"}
                     for _, r in sorted(self.state.references.items())],
                    "name", limit, marker)

    def reference_create(self, values: Json) -> Json:
        if values["name"] in self.state.references:
            raise Refused(Code.REFERENCE_VALUES_TAKEN, "it exists")
        kept = {"expires_at": None, **values,
                "created_at": self.state.stamp()}
        self.state.references[values["name"]] = kept
        return {k: v for k, v in kept.items() if k != "values"}

    def reference_show(self, name: str) -> Json:
        if name not in self.state.references:
            raise Refused(Code.REFERENCE_VALUES_UNKNOWN, f"no {name}")
        return dict(self.state.references[name])

    def reference_delete(self, name: str) -> None:
        self.reference_show(name)
        del self.state.references[name]

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
        self._keep(host, profile, {
            "host": host, "profile": profile, "version": 1,
            "tier": tier.label, "issued_at": encoding.timestamp(now),
            "expires_at": encoding.timestamp(result.expires_at),
            "attester_id": known["id"], "hardware": known["hardware"],
            "jwt": token})
        self.state.findings[host, profile] = [finding.to_dict()]
        return token

    # Inside.

    def _rows(self) -> list[tuple[int, Json]]:
        return sorted(self.state.results.values(), key=lambda kept: kept[0])

    def _keep(self, host: str, profile: str, row: Json) -> None:
        self.state.sequence += 1
        self.state.results[host, profile] = self.state.sequence, row

    def _withdraw(self, host: str, profile: str) -> None:
        _, row = self.state.results[host, profile]
        self._keep(host, profile, {**row, "tier": TrustTier.NONE.label,
                                   "expires_at": self.state.stamp()})

    def _attester(self, name: str) -> Json:
        for known in self.state.attesters.values():
            if known["id"] == name or (
                    known["host"] == name and known["state"] != "retired"):
                return known
        raise Refused(Code.ATTESTER_UNKNOWN, f"no attester {name}")

    def _change(self, name: str, **changes: Any) -> Json:
        known = self._attester(name)
        known.update(changes, updated_at=self.state.stamp())
        return dict(known)

    def _profile(self, name: str) -> Json:
        if name not in self.state.profiles:
            raise Refused(Code.PROFILE_UNKNOWN, f"no profile {name}")
        return self.state.profiles[name]

    def _seen(self, profile: Json) -> Json:
        return {**profile, "hosts_affirming": sum(
            row["profile"] == profile["name"]
            and row["tier"] == TrustTier.AFFIRMING.label
            for _, row in self._rows())}


def page(found: list[Json], name: str, limit: int | None,
         marker: str | None) -> list[Json]:
    """Return the part of a list after ``marker``."""
    if marker is not None:
        names = [entry[name] for entry in found]
        found = found[names.index(marker) + 1:] if marker in names else []
    return [dict(entry) for entry in found[:limit]]
