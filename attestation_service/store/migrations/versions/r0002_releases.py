# SPDX-License-Identifier: Apache-2.0
"""Keys, launches, releases and their receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from attestation_service.store.migrations import kinds as k

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _keys()
    _launches()
    _releases()
    _leases()
    _receipts()
    _log_nodes()
    _vault_secrets()


def _keys() -> None:
    k.table(
        "keys",
        k.column("id", k.name(), key=True),
        k.column("name", k.name()),
        k.column("purpose", k.name(32)),
        k.column("project_id", k.name()),
        k.column("profile", k.name(), null=True),
        k.column("image_id", k.name(), null=True),
        k.column("image_digest", k.digest(), null=True),
        k.column("demand_token", sa.Boolean()),
        k.column("expires_at", k.moment(), null=True),
        k.column("launches", sa.Integer(), null=True),
        k.column("launches_used", sa.Integer()),
        k.column("vault_ref", k.name()),
        k.column("instance_id", k.name(), null=True),
        k.column("created_at", k.moment()),
    )
    op.create_index("ix_keys_instance", "keys", ["instance_id"])
    op.create_index("ix_keys_project", "keys", ["project_id", "created_at"])


def _launches() -> None:
    k.table(
        "launches",
        k.column("id", k.name(), key=True),
        k.column("project_id", k.name()),
        k.column("user_id", k.name()),
        k.column("profile", k.name()),
        k.column("image_id", k.name(), null=True),
        k.column("image_digest", k.digest(), null=True),
        k.column("nonce_ref", k.name()),
        k.column("nonce_digest", k.digest()),
        k.column("created_at", k.moment()),
        k.column("expires_at", k.moment()),
        k.column("instance_id", k.name(), null=True),
    )
    op.create_index("ix_launches_project", "launches",
                    ["project_id", "created_at"])


def _releases() -> None:
    k.table(
        "releases",
        k.column("id", k.name(), key=True),
        k.column("attester_id", k.name()),
        k.column("host", k.name()),
        k.column("instance_id", k.name()),
        k.column("project_id", k.name(), null=True),
        k.column("action", k.name(32)),
        k.column("request", k.text()),
        k.column("state", k.name(32)),
        k.column("created_at", k.moment()),
        k.column("expires_at", k.moment()),
        k.column("code", k.name(64), null=True),
        k.column("detail", k.text(), null=True),
        k.column("log_index", sa.BigInteger(), null=True),
    )
    op.create_index("ix_releases_created_at", "releases", ["created_at"])
    op.create_index("ix_releases_instance", "releases",
                    ["instance_id", "created_at"])
    op.create_index("ix_releases_project", "releases",
                    ["project_id", "created_at"])


def _leases() -> None:
    k.table(
        "leases",
        k.column("instance_id", k.name(), key=True),
        k.column("project_id", k.name()),
        k.column("host", k.name()),
        k.column("profiles", k.text()),
        k.column("image_id", k.name(), null=True),
        k.column("image_digest", k.digest(), null=True),
        k.column("image_key_id", k.name(), null=True),
        k.column("disk_key_id", k.name()),
        k.column("launch_id", k.name(), null=True),
        k.column("nonce_ref", k.name()),
        k.column("nonce_digest", k.digest()),
        k.column("opened_at", k.moment()),
        k.column("closed_at", k.moment(), null=True),
    )
    op.create_index("ix_leases_host", "leases", ["host"])
    op.create_index("ix_leases_project", "leases", ["project_id"])


def _receipts() -> None:
    k.table(
        "receipts",
        k.column("number", sa.BigInteger(), key=True),
        k.column("release_id", k.name()),
        k.column("instance_id", k.name()),
        k.column("project_id", k.name()),
        k.column("jwt", k.text()),
        k.column("created_at", k.moment()),
    )
    op.create_index("ix_receipts_instance", "receipts",
                    ["instance_id", "number"])
    op.create_index("ix_receipts_project", "receipts",
                    ["project_id", "number"])
    op.create_index("uq_receipts_release", "receipts",
                    ["release_id"], unique=True)


def _log_nodes() -> None:
    k.table(
        "log_nodes",
        k.column("level", sa.Integer(), key=True),
        k.column("number", sa.BigInteger(), key=True),
        k.column("hash", k.digest(32)),
    )


def _vault_secrets() -> None:
    k.table(
        "vault_secrets",
        k.column("reference", k.name(), key=True),
        k.column("context", k.name()),
        k.column("key_version", sa.Integer()),
        k.column("nonce", k.digest(12)),
        k.column("ciphertext", k.digest(1024)),
    )
    op.create_index("ix_vault_secrets_key_version", "vault_secrets",
                    ["key_version"])
