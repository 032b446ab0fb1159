# SPDX-License-Identifier: Apache-2.0
"""Keys, and what was released to whom."""

from __future__ import annotations

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.store.columns import (
    Json,
    Member,
    Moment,
    Name,
    digest,
    text,
)
from attestation_service.store.schema.table import column, table
from nova_trusted_launch.wire.release import Action

keys = table(
    "keys",
    column("id", Name(), key=True),
    column("name", Name()),
    column("purpose", Member(r.KeyPurpose)),
    column("project_id", Name()),
    column("profile", Name(), null=True),
    column("image_id", Name(), null=True),
    column("image_digest", digest(), null=True),
    column("demand_token", sa.Boolean()),
    column("expires_at", Moment(), null=True),
    column("launches", sa.Integer(), null=True),
    column("launches_used", sa.Integer()),
    column("vault_ref", Name()),
    column("instance_id", Name(), null=True),
    column("created_at", Moment()),
    sa.Index("ix_keys_project", "project_id", "created_at"),
    sa.Index("ix_keys_instance", "instance_id"),
)

launches = table(
    "launches",
    column("id", Name(), key=True),
    column("project_id", Name()),
    column("user_id", Name()),
    column("profile", Name()),
    column("image_id", Name(), null=True),
    column("image_digest", digest(), null=True),
    column("nonce_ref", Name()),
    column("nonce_digest", digest()),
    column("created_at", Moment()),
    column("expires_at", Moment()),
    column("instance_id", Name(), null=True),
    sa.Index("ix_launches_project", "project_id", "created_at"),
)

releases = table(
    "releases",
    column("id", Name(), key=True),
    column("attester_id", Name()),
    column("host", Name()),
    column("instance_id", Name()),
    column("project_id", Name(), null=True),
    column("action", Member(Action)),
    column("request", Json()),
    column("state", Member(r.ReleaseState)),
    column("created_at", Moment()),
    column("expires_at", Moment()),
    column("code", Name(64), null=True),
    column("detail", text(), null=True),
    column("log_index", sa.BigInteger(), null=True),
    sa.Index("ix_releases_instance", "instance_id", "created_at"),
    sa.Index("ix_releases_project", "project_id", "created_at"),
    sa.Index("ix_releases_created_at", "created_at"),
)

leases = table(
    "leases",
    column("instance_id", Name(), key=True),
    column("project_id", Name()),
    column("host", Name()),
    column("profiles", Json()),
    column("image_id", Name(), null=True),
    column("image_digest", digest(), null=True),
    column("image_key_id", Name(), null=True),
    column("disk_key_id", Name()),
    column("launch_id", Name(), null=True),
    column("nonce_ref", Name()),
    column("nonce_digest", digest()),
    column("opened_at", Moment()),
    column("closed_at", Moment(), null=True),
    sa.Index("ix_leases_project", "project_id"),
    sa.Index("ix_leases_host", "host"),
)

receipts = table(
    "receipts",
    column("number", sa.BigInteger(), key=True),
    column("release_id", Name()),
    column("instance_id", Name()),
    column("project_id", Name()),
    column("jwt", text()),
    column("created_at", Moment()),
    sa.Index("uq_receipts_release", "release_id", unique=True),
    sa.Index("ix_receipts_instance", "instance_id", "number"),
    sa.Index("ix_receipts_project", "project_id", "number"),
)

log_nodes = table(
    "log_nodes",
    column("level", sa.Integer(), key=True),
    column("number", sa.BigInteger(), key=True),
    column("hash", digest(32)),
)
