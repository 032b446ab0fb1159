# SPDX-License-Identifier: Apache-2.0
"""Profiles and reference values."""

from __future__ import annotations

import sqlalchemy as sa

from attestation_service.store.columns import Json, Moment, Name, blob, text
from attestation_service.store.schema.table import column, table

profiles = table(
    "profiles",
    column("name", Name(), key=True),
    column("description", text()),
    column("active_version", sa.Integer(), null=True),
    column("latest_version", sa.Integer()),
    column("projects", Json(), null=True),
    column("created_at", Moment()),
    column("updated_at", Moment()),
)

profile_versions = table(
    "profile_versions",
    column("name", Name(), key=True),
    column("version", sa.Integer(), key=True),
    column("document", Json()),
    column("created_at", Moment()),
    column("created_by", Name()),
)

reference_sets = table(
    "reference_sets",
    column("name", Name(), key=True),
    column("kind", Name(32)),
    column("provenance", text()),
    column("created_at", Moment()),
    column("expires_at", Moment(), null=True),
    column("head", blob()),
    column("more", sa.Integer()),
)
