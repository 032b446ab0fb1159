# SPDX-License-Identifier: Apache-2.0
"""Schemas of profiles and their versions."""

from __future__ import annotations

from attestation_service.api.schemas import types as t

_PROJECTS = {"type": ["array", "null"], "items": t.ID, "maxItems": 1000,
             "uniqueItems": True}
_PROFILE = {
    "name": t.NAME, "description": t.SENTENCE,
    "active_version": t.nullable(t.POSITIVE),
    "projects": t.nullable(t.array(t.ID)), "hosts_affirming": t.COUNT,
    "created_at": t.TIME, "updated_at": t.TIME}

SCHEMAS = {
    "ProfileCreate": t.an_object(
        {"name": t.NAME, "document": t.DOCUMENT, "activate": t.BOOLEAN},
        {"description": t.PROSE, "projects": _PROJECTS}),
    "ProfileUpdate": t.an_object({}, {
        "active_version": t.nullable(t.POSITIVE), "description": t.PROSE,
        "projects": _PROJECTS}, minProperties=1),
    "VersionCreate": t.an_object(
        {"document": t.DOCUMENT}, {"activate": t.BOOLEAN}),
    "Profile": t.an_object(
        _PROFILE, {"document": t.nullable(t.DOCUMENT)}),
    "ProfileAnswer": t.an_object({"profile": t.ref("Profile")}),
    "Profiles": t.listing("profiles", "Profile"),
    "ProfileVersion": t.an_object({
        "name": t.NAME, "version": t.POSITIVE, "document": t.DOCUMENT,
        "created_at": t.TIME, "created_by": t.SENTENCE}),
    "ProfileVersionAnswer": t.an_object({
        "version": t.ref("ProfileVersion")}),
    "ProfileVersions": t.an_object({
        "versions": t.array(t.ref("ProfileVersion"))}),
    "PreviewRequest": t.an_object({"document": t.DOCUMENT},
                                  {"host": t.HOST}),
    "Preview": t.an_object({"changes": t.array(t.an_object({
        "host": t.HOST, "before": t.nullable(t.TIER), "after": t.TIER,
        "findings": t.array(t.ref("Finding"))}))}),
    "DraftRequest": t.an_object(
        {"host": t.HOST}, {"files": {"type": "boolean"}}),
    "Draft": t.an_object({"document": t.DOCUMENT}),
}
