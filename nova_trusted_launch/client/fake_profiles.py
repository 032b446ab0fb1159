# SPDX-License-Identifier: Apache-2.0
"""Profiles and reference values of the fake client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nova_trusted_launch.client.errors import Refused
from nova_trusted_launch.client.fake_state import FakeState, Json, page
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier


class FakeProfiles:
    """Profiles and reference values, in memory."""

    state: FakeState

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
        seen = self._seen(self._profile(name))
        return {**seen, "document": next(
            (v["document"] for v in self.state.versions[name]
             if v["version"] == seen["active_version"]), None)}

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
                self.state.withdraw(host, profile)

    def profile_preview(self, document: Any,
                        host: str | None = None) -> list[Json]:
        return []

    def profile_draft(self, host: str, *, files: bool = True) -> Any:
        self.state.attester(host)
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

    # Inside.

    def _profile(self, name: str) -> Json:
        if name not in self.state.profiles:
            raise Refused(Code.PROFILE_UNKNOWN, f"no profile {name}")
        return self.state.profiles[name]

    def _seen(self, profile: Json) -> Json:
        return {**profile, "hosts_affirming": sum(
            row["profile"] == profile["name"]
            and row["tier"] == TrustTier.AFFIRMING.label
            for _, row in self.state.rows())}
