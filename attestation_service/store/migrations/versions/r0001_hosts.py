# SPDX-License-Identifier: Apache-2.0
"""Hosts and what is made of them: from enrolment to results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from attestation_service.store.migrations import kinds as k

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _enrolments()
    _attesters()
    _challenges()
    _profiles()
    _profile_versions()
    _reference_sets()
    _chunks()
    _results()
    _latest_results()
    _kept_evidence()
    _outbox()
    _counters()


def _enrolments() -> None:
    k.table(
        "enrolments",
        k.column("id", k.name(), key=True),
        k.column("host", k.name()),
        k.column("user_id", k.name()),
        k.column("ek_certificate", k.blob()),
        k.column("intermediates", k.text()),
        k.column("ek_public", k.blob()),
        k.column("ak_public", k.blob()),
        k.column("ek_digest", k.digest()),
        k.column("manufacturer", k.text()),
        k.column("firmware", k.text()),
        k.column("hardware", sa.Boolean()),
        k.column("proof_digest", k.digest()),
        k.column("expires_at", k.moment()),
    )
    op.create_index("ix_enrolments_ek_digest", "enrolments",
                    ["ek_digest", "expires_at"])
    op.create_index("ix_enrolments_expires_at", "enrolments", ["expires_at"])


def _attesters() -> None:
    k.table(
        "attesters",
        k.column("id", k.name(), key=True),
        k.column("host", k.name()),
        k.column("host_slot", k.name(), null=True),
        k.column("state", k.name(32)),
        k.column("user_id", k.name()),
        k.column("ek_public", k.blob()),
        k.column("ak_public", k.blob()),
        k.column("ek_digest", k.digest()),
        k.column("ek_slot", k.digest(), null=True),
        k.column("manufacturer", k.text()),
        k.column("firmware", k.text()),
        k.column("hardware", sa.Boolean()),
        k.column("labels", k.text()),
        k.column("created_at", k.moment()),
        k.column("updated_at", k.moment()),
        k.column("counters", k.text(), null=True),
        k.column("ima_position", k.text(), null=True),
        k.column("last_seen_at", k.moment(), null=True),
    )
    op.create_index("ix_attesters_host", "attesters", ["host", "id"])
    op.create_index("uq_attesters_ek_slot", "attesters",
                    ["ek_slot"], unique=True)
    op.create_index("uq_attesters_host_slot", "attesters",
                    ["host_slot"], unique=True)


def _challenges() -> None:
    k.table(
        "challenges",
        k.column("nonce", k.digest(32), key=True),
        k.column("attester_id", k.name()),
        k.column("purpose", k.name(32)),
        k.column("selection", k.text()),
        k.column("ima_offset", sa.BigInteger()),
        k.column("subject", k.name()),
        k.column("expires_at", k.moment()),
    )
    op.create_index("ix_challenges_attester", "challenges",
                    ["attester_id", "purpose", "expires_at"])
    op.create_index("ix_challenges_expires_at", "challenges", ["expires_at"])


def _profiles() -> None:
    k.table(
        "profiles",
        k.column("name", k.name(), key=True),
        k.column("description", k.text()),
        k.column("active_version", sa.Integer(), null=True),
        k.column("latest_version", sa.Integer()),
        k.column("projects", k.text(), null=True),
        k.column("created_at", k.moment()),
        k.column("updated_at", k.moment()),
    )


def _profile_versions() -> None:
    k.table(
        "profile_versions",
        k.column("name", k.name(), key=True),
        k.column("version", sa.Integer(), key=True),
        k.column("document", k.text()),
        k.column("created_at", k.moment()),
        k.column("created_by", k.name()),
    )


def _reference_sets() -> None:
    k.table(
        "reference_sets",
        k.column("name", k.name(), key=True),
        k.column("kind", k.name(32)),
        k.column("provenance", k.text()),
        k.column("created_at", k.moment()),
        k.column("expires_at", k.moment(), null=True),
        k.column("head", k.blob()),
        k.column("more", sa.Integer()),
    )


def _chunks() -> None:
    k.table(
        "chunks",
        k.column("owner", k.name(300), key=True),
        k.column("number", sa.Integer(), key=True),
        k.column("data", k.blob()),
    )


def _results() -> None:
    k.table(
        "results",
        k.column("sequence", sa.BigInteger(), key=True),
        k.column("attester_id", k.name()),
        k.column("host", k.name()),
        k.column("profile", k.name()),
        k.column("version", sa.Integer()),
        k.column("findings", k.text()),
        k.column("issued_at", k.moment()),
        k.column("expires_at", k.moment()),
        k.column("reset_count", sa.BigInteger()),
        k.column("hardware", sa.Boolean()),
        k.column("jwt", k.text()),
    )
    op.create_index("ix_results_attester", "results",
                    ["attester_id", "sequence"])
    op.create_index("ix_results_issued_at", "results", ["issued_at"])


def _latest_results() -> None:
    k.table(
        "latest_results",
        k.column("host", k.name(), key=True),
        k.column("profile", k.name(), key=True),
        k.column("sequence", sa.BigInteger()),
        k.column("result", sa.BigInteger()),
        k.column("attester_id", k.name()),
        k.column("tier", sa.Integer()),
        k.column("expires_at", k.moment()),
    )
    op.create_index("ix_latest_results_attester", "latest_results",
                    ["attester_id"])
    op.create_index("ix_latest_results_profile", "latest_results", ["profile"])
    op.create_index("uq_latest_results_sequence", "latest_results",
                    ["sequence"], unique=True)


def _kept_evidence() -> None:
    k.table(
        "kept_evidence",
        k.column("id", k.name(), key=True),
        k.column("attester_id", k.name()),
        k.column("received_at", k.moment()),
        k.column("qualifying", k.digest()),
        k.column("head", k.blob()),
        k.column("more", sa.Integer()),
    )
    op.create_index("ix_kept_evidence_attester", "kept_evidence",
                    ["attester_id", "received_at"])


def _outbox() -> None:
    k.table(
        "outbox",
        k.column("number", k.counted(), key=True, autoincrement=True),
        k.column("event_type", k.name()),
        k.column("payload", k.text()),
        k.column("created_at", k.moment()),
        k.column("claimed_until", k.moment(), null=True),
    )


def _counters() -> None:
    k.table(
        "counters",
        k.column("name", k.name(32), key=True),
        k.column("value", sa.BigInteger()),
    )
    op.execute("INSERT INTO counters (name, value)"
               " VALUES ('results', 0), ('log', 0)")
