# SPDX-License-Identifier: Apache-2.0
"""Profiles over HTTP: operators write them, tenants choose one."""

from __future__ import annotations

from typing import Any

from attestation_service import records as r
from attestation_service.api import views
from attestation_service.api.routing import Call
from attestation_service.flows.provision.profiles import ProfileView
from nova_trusted_launch.wire import encoding


def create(call: Call) -> dict[str, Any]:
    """Create a profile with its first version."""
    projects = call.body.get("projects")
    return {"profile": view(call.flows.profiles.create(
        name=call.body["name"],
        description=call.body.get("description", ""),
        document=call.body["document"],
        projects=None if projects is None else tuple(projects),
        activate=call.body["activate"],
        user_id=call.user_id, now=call.now))}


def index(call: Call) -> dict[str, Any]:
    """List the profiles that the project may use."""
    found = call.flows.profiles.list(
        call.wanted.page(), call.project, call.now)
    return call.wanted.answer("profiles", found, view,
                              lambda seen: seen.profile.name)


def show(call: Call) -> dict[str, Any]:
    """Show a profile with the document in force."""
    seen = call.flows.profiles.show(
        call.path["profile"], call.project, call.now)
    return {"profile": {**view(seen), "document": seen.document}}


def update(call: Call) -> dict[str, Any]:
    """Activate a version; change description and projects."""
    return {"profile": view(call.flows.profiles.update(
        call.path["profile"], call.body, call.now))}


def retire(call: Call) -> None:
    """Retire a profile and withdraw its results."""
    call.flows.profiles.retire(call.path["profile"], call.now)


def create_version(call: Call) -> dict[str, Any]:
    """Add a version to a profile."""
    return {"version": _version(call.flows.profiles.add_version(
        call.path["profile"], call.body["document"],
        activate=call.body.get("activate", False),
        user_id=call.user_id, now=call.now))}


def versions(call: Call) -> dict[str, Any]:
    """List the versions of a profile, oldest first."""
    return {"versions": [_version(v) for v in call.flows.profiles.versions(
        call.path["profile"])]}


def show_version(call: Call) -> dict[str, Any]:
    """Show one version of a profile."""
    return {"version": _version(call.flows.profiles.version(
        call.path["profile"], call.path["version"]))}


def preview(call: Call) -> dict[str, Any]:
    """Judge the evidence kept by a document before it is in force."""
    changes = call.flows.preview(
        call.body["document"], call.body.get("host"), call.now)
    return {"changes": [{
        "host": change.host,
        "before": None if change.before is None else change.before.label,
        "after": change.after.label,
        "findings": [f.to_dict() for f in change.findings]}
        for change in changes]}


def draft(call: Call) -> dict[str, Any]:
    """Draft a document from a host that is known good."""
    return {"document": call.flows.draft(
        call.body["host"], call.now, files=call.body.get("files", True))}


def view(seen: ProfileView) -> dict[str, Any]:
    """Show a profile without its document."""
    profile = seen.profile
    return {"name": profile.name, "description": profile.description,
            "active_version": profile.active_version,
            "projects": views.listed(profile.projects),
            "hosts_affirming": seen.hosts_affirming,
            "created_at": encoding.timestamp(profile.created_at),
            "updated_at": encoding.timestamp(profile.updated_at)}


def _version(version: r.ProfileVersion) -> dict[str, Any]:
    return {"name": version.name, "version": version.version,
            "document": dict(version.document),
            "created_at": encoding.timestamp(version.created_at),
            "created_by": version.created_by}
