# SPDX-License-Identifier: Apache-2.0
"""What operators and relying parties ask of the service, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nova_trusted_launch.client.http import Http, member, resource

_BIG = 192 * 1024 * 1024
Json = dict[str, Any]


class Operating:
    """Attesters, results, profiles and reference values."""

    _http: Http

    # Attesters.

    def attesters_list(self, *, state: str | None = None,
                       host: str | None = None, limit: int | None = None,
                       marker: str | None = None) -> list[Json]:
        """List attesters; all of them unless ``limit`` is given."""
        return list(self._http.pages(
            resource("attesters"), "attesters",
            {"state": state, "host": host, "limit": limit,
             "marker": marker}))

    def attester_show(self, attester: str) -> Json:
        """Show one by id or host name."""
        return member(self._http.get(resource("attesters", attester)),
                      "attester", dict)

    def attester_label(self, attester: str,
                       labels: Mapping[str, str]) -> Json:
        """Replace its labels."""
        return member(self._http.call(
            "PATCH", resource("attesters", attester),
            {"labels": dict(labels)}), "attester", dict)

    def attester_approve(self, attester: str) -> Json:
        """Let a pending attester attest."""
        return member(self._http.call(
            "POST", resource("attesters", attester, "approve"), {}),
            "attester", dict)

    def attester_retire(self, attester: str) -> None:
        """End it: its results are dropped, its keys are refused."""
        self._http.delete(resource("attesters", attester))

    def attester_attest(self, attester: str | None = None) -> None:
        """Ask one agent, or all, to attest now."""
        parts = ("attest",) if attester is None else (attester, "attest")
        self._http.call("POST", resource("attesters", *parts), {})

    def attester_explain(self, attester: str,
                         profile: str | None = None) -> Json:
        """Return its latest results with every finding."""
        return self._http.get(resource("attesters", attester, "explain"),
                              {"profile": profile})

    def attester_evidence_list(self, attester: str) -> list[Json]:
        """List the evidence that is kept of it."""
        return member(
            self._http.get(resource("attesters", attester, "evidence")),
            "evidence", list)

    def attester_evidence_show(self, attester: str,
                               evidence_id: str) -> Json:
        """Return kept evidence."""
        return member(self._http.get(
            resource("attesters", attester, "evidence", evidence_id),
            most=_BIG), "evidence", dict)

    # Results.

    def results_list(self, *, attester: str | None = None,
                     host: str | None = None, profile: str | None = None,
                     limit: int | None = None,
                     marker: str | None = None) -> list[Json]:
        """List the latest results."""
        return list(self._http.pages(
            resource("results"), "results",
            {"attester": attester, "host": host, "profile": profile,
             "limit": limit, "marker": marker}))

    def results_history(self, attester: str, *,
                        profile: str | None = None,
                        limit: int | None = None,
                        marker: str | None = None) -> list[Json]:
        """List what its results were, newest first."""
        return list(self._http.pages(
            resource("results", "history", attester), "results",
            {"profile": profile, "limit": limit, "marker": marker}))

    def results_snapshot(self, since: int | None = None) -> str:
        """Return the signed snapshot, or what changed since one."""
        return member(self._http.get(
            resource("results", "snapshot"), {"since": since}, most=_BIG),
            "snapshot", str)

    # Profiles.

    def profiles_list(self, *, limit: int | None = None,
                      marker: str | None = None) -> list[Json]:
        """List the profiles that the project may use."""
        return list(self._http.pages(
            resource("profiles"), "profiles",
            {"limit": limit, "marker": marker}))

    def profile_create(self, name: str, document: Any, *,
                       description: str = "",
                       projects: Sequence[str] | None = None,
                       activate: bool = False) -> Json:
        """Create a profile with its version 1."""
        body: Json = {"name": name, "document": document,
                      "activate": activate}
        if description:
            body["description"] = description
        if projects is not None:
            body["projects"] = list(projects)
        return member(self._http.call("POST", resource("profiles"), body),
                      "profile", dict)

    def profile_show(self, name: str) -> Json:
        """Show a profile with the document in force."""
        return member(self._http.get(resource("profiles", name)),
                      "profile", dict)

    def profile_versions(self, name: str) -> list[Json]:
        """List its versions."""
        return list(self._http.pages(
            resource("profiles", name, "versions"), "versions", {}))

    def profile_version_show(self, name: str, version: int) -> Json:
        """Show one version."""
        return member(self._http.get(
            resource("profiles", name, "versions", version)),
            "version", dict)

    def profile_version_create(self, name: str, document: Any, *,
                               activate: bool = False) -> Json:
        """Add a version."""
        return member(self._http.call(
            "POST", resource("profiles", name, "versions"),
            {"document": document, "activate": activate}),
            "version", dict)

    def profile_update(self, name: str, **changes: Any) -> Json:
        """Change active_version, description or projects."""
        return member(self._http.call(
            "PATCH", resource("profiles", name), changes), "profile", dict)

    def profile_retire(self, name: str) -> None:
        """Put it out of force; its results are dropped."""
        self._http.delete(resource("profiles", name))

    def profile_preview(self, document: Any,
                        host: str | None = None) -> list[Json]:
        """Judge the kept evidence by a document; return what changes."""
        body = {"document": document}
        if host is not None:
            body["host"] = host
        return member(self._http.call(
            "POST", resource("profiles", "preview"), body, most=_BIG),
            "changes", list)

    def profile_draft(self, host: str, *, files: bool = True) -> Any:
        """Return a document that a host satisfies as it is now.

        Without ``files`` it asks nothing of the files that IMA measured.
        """
        body: Json = {"host": host}
        if not files:
            body["files"] = False
        return member(self._http.call(
            "POST", resource("profiles", "draft"), body, most=_BIG),
            "document", dict)

    # Reference values.

    def references_list(self, *, limit: int | None = None,
                        marker: str | None = None) -> list[Json]:
        """List the sets of reference values, without the values."""
        return list(self._http.pages(
            resource("reference-values"), "reference_values",
            {"limit": limit, "marker": marker}))

    def reference_create(self, values: Json) -> Json:
        """Add a set: name, kind, provenance, values, expires_at."""
        return member(self._http.call(
            "POST", resource("reference-values"), values),
            "reference_values", dict)

    def reference_show(self, name: str) -> Json:
        """Show a set with its values."""
        return member(self._http.get(
            resource("reference-values", name), most=_BIG),
            "reference_values", dict)

    def reference_delete(self, name: str) -> None:
        """Delete a set."""
        self._http.delete(resource("reference-values", name))
