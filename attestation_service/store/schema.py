# SPDX-License-Identifier: Apache-2.0
"""The tables, one per noun.

``migrations`` make them; a test proves that both say the same on every
database.  There are no foreign keys: units of work keep things whole, and
history outlives what it speaks about.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.store.columns import (
    Json,
    Member,
    Moment,
    Name,
    blob,
    counted,
    digest,
    text,
)
from nova_trusted_launch.wire.challenge import Purpose
from nova_trusted_launch.wire.release import Action

metadata = sa.MetaData()

_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4",
                          "mysql_collate": "utf8mb4_bin"}


def _table(name: str, *parts: sa.Column | sa.Index) -> sa.Table:
    return sa.Table(name, metadata, *parts, **_MYSQL)


def _column(name: str, kind: sa.types.TypeEngine | type, *,
            null: bool = False, key: bool = False, **more) -> sa.Column:
    return sa.Column(name, kind, nullable=null, primary_key=key,
                     autoincrement=more.pop("autoincrement", False), **more)


enrolments = _table(
    "enrolments",
    _column("id", Name(), key=True),
    _column("host", Name()),
    _column("user_id", Name()),
    _column("ek_certificate", blob()),
    _column("intermediates", Json()),
    _column("ek_public", blob()),
    _column("ak_public", blob()),
    _column("ek_digest", digest()),
    _column("manufacturer", text()),
    _column("firmware", text()),
    _column("hardware", sa.Boolean()),
    _column("proof_digest", digest()),
    _column("expires_at", Moment()),
    sa.Index("ix_enrolments_ek_digest", "ek_digest", "expires_at"),
    sa.Index("ix_enrolments_expires_at", "expires_at"),
)

# ``host_slot`` and ``ek_slot`` repeat ``host`` and ``ek_digest`` until the
# attester is retired, then they are NULL: a unique index over them is the
# rule "one EK, one attester, one host name", on every database.
attesters = _table(
    "attesters",
    _column("id", Name(), key=True),
    _column("host", Name()),
    _column("host_slot", Name(), null=True),
    _column("state", Member(r.AttesterState)),
    _column("user_id", Name()),
    _column("ek_public", blob()),
    _column("ak_public", blob()),
    _column("ek_digest", digest()),
    _column("ek_slot", digest(), null=True),
    _column("manufacturer", text()),
    _column("firmware", text()),
    _column("hardware", sa.Boolean()),
    _column("labels", Json()),
    _column("created_at", Moment()),
    _column("updated_at", Moment()),
    _column("counters", Json(), null=True),
    _column("ima_position", Json(), null=True),
    _column("last_seen_at", Moment(), null=True),
    _column("ek_certificate", blob(), null=True),
    _column("intermediates", Json(), null=True),
    sa.Index("uq_attesters_host_slot", "host_slot", unique=True),
    sa.Index("uq_attesters_ek_slot", "ek_slot", unique=True),
    sa.Index("ix_attesters_host", "host", "id"),
)

challenges = _table(
    "challenges",
    _column("nonce", digest(32), key=True),
    _column("attester_id", Name()),
    _column("purpose", Member(Purpose)),
    _column("selection", Json()),
    _column("ima_offset", sa.BigInteger()),
    _column("subject", Name()),
    _column("expires_at", Moment()),
    sa.Index("ix_challenges_attester", "attester_id", "purpose",
             "expires_at"),
    sa.Index("ix_challenges_expires_at", "expires_at"),
)

profiles = _table(
    "profiles",
    _column("name", Name(), key=True),
    _column("description", text()),
    _column("active_version", sa.Integer(), null=True),
    _column("latest_version", sa.Integer()),
    _column("projects", Json(), null=True),
    _column("created_at", Moment()),
    _column("updated_at", Moment()),
)

profile_versions = _table(
    "profile_versions",
    _column("name", Name(), key=True),
    _column("version", sa.Integer(), key=True),
    _column("document", Json()),
    _column("created_at", Moment()),
    _column("created_by", Name()),
)

reference_sets = _table(
    "reference_sets",
    _column("name", Name(), key=True),
    _column("kind", Name(32)),
    _column("provenance", text()),
    _column("created_at", Moment()),
    _column("expires_at", Moment(), null=True),
    _column("head", blob()),
    _column("more", sa.Integer()),
)

# Long blobs (reference values, evidence), compressed and in pieces, so that
# no database's limit on a packet or a value matters.  The first piece is the
# owner's ``head``, ``more`` says how many are here.
chunks = _table(
    "chunks",
    _column("owner", Name(300), key=True),
    _column("number", sa.Integer(), key=True),
    _column("data", blob()),
)

# Every result ever signed, until it is forgotten ...
results = _table(
    "results",
    _column("sequence", sa.BigInteger(), key=True),
    _column("attester_id", Name()),
    _column("host", Name()),
    _column("profile", Name()),
    _column("version", sa.Integer()),
    _column("findings", Json()),
    _column("issued_at", Moment()),
    _column("expires_at", Moment()),
    _column("reset_count", sa.BigInteger()),
    _column("hardware", sa.Boolean()),
    _column("jwt", text()),
    sa.Index("ix_results_attester", "attester_id", "sequence"),
    sa.Index("ix_results_issued_at", "issued_at"),
)

# ... and which is the latest of each host and profile.  ``sequence`` is that
# of the last change, ``result`` that of the row of ``results``.
latest_results = _table(
    "latest_results",
    _column("host", Name(), key=True),
    _column("profile", Name(), key=True),
    _column("sequence", sa.BigInteger()),
    _column("result", sa.BigInteger()),
    _column("attester_id", Name()),
    _column("tier", sa.Integer()),
    _column("expires_at", Moment()),
    sa.Index("uq_latest_results_sequence", "sequence", unique=True),
    sa.Index("ix_latest_results_attester", "attester_id"),
    sa.Index("ix_latest_results_profile", "profile"),
)

kept_evidence = _table(
    "kept_evidence",
    _column("id", Name(), key=True),
    _column("attester_id", Name()),
    _column("received_at", Moment()),
    _column("qualifying", digest()),
    _column("head", blob()),
    _column("more", sa.Integer()),
    sa.Index("ix_kept_evidence_attester", "attester_id", "received_at"),
)

keys = _table(
    "keys",
    _column("id", Name(), key=True),
    _column("name", Name()),
    _column("purpose", Member(r.KeyPurpose)),
    _column("project_id", Name()),
    _column("profile", Name(), null=True),
    _column("image_id", Name(), null=True),
    _column("image_digest", digest(), null=True),
    _column("demand_token", sa.Boolean()),
    _column("expires_at", Moment(), null=True),
    _column("launches", sa.Integer(), null=True),
    _column("launches_used", sa.Integer()),
    _column("vault_ref", Name()),
    _column("instance_id", Name(), null=True),
    _column("created_at", Moment()),
    sa.Index("ix_keys_project", "project_id", "created_at"),
    sa.Index("ix_keys_instance", "instance_id"),
)

launches = _table(
    "launches",
    _column("id", Name(), key=True),
    _column("project_id", Name()),
    _column("user_id", Name()),
    _column("profile", Name()),
    _column("image_id", Name(), null=True),
    _column("image_digest", digest(), null=True),
    _column("nonce_ref", Name()),
    _column("nonce_digest", digest()),
    _column("created_at", Moment()),
    _column("expires_at", Moment()),
    _column("instance_id", Name(), null=True),
    sa.Index("ix_launches_project", "project_id", "created_at"),
)

releases = _table(
    "releases",
    _column("id", Name(), key=True),
    _column("attester_id", Name()),
    _column("host", Name()),
    _column("instance_id", Name()),
    _column("project_id", Name(), null=True),
    _column("action", Member(Action)),
    _column("request", Json()),
    _column("state", Member(r.ReleaseState)),
    _column("created_at", Moment()),
    _column("expires_at", Moment()),
    _column("code", Name(64), null=True),
    _column("detail", text(), null=True),
    _column("log_index", sa.BigInteger(), null=True),
    sa.Index("ix_releases_instance", "instance_id", "created_at"),
    sa.Index("ix_releases_project", "project_id", "created_at"),
    sa.Index("ix_releases_created_at", "created_at"),
)

leases = _table(
    "leases",
    _column("instance_id", Name(), key=True),
    _column("project_id", Name()),
    _column("host", Name()),
    _column("profiles", Json()),
    _column("image_id", Name(), null=True),
    _column("image_digest", digest(), null=True),
    _column("image_key_id", Name(), null=True),
    _column("disk_key_id", Name()),
    _column("launch_id", Name(), null=True),
    _column("nonce_ref", Name()),
    _column("nonce_digest", digest()),
    _column("opened_at", Moment()),
    _column("closed_at", Moment(), null=True),
    sa.Index("ix_leases_project", "project_id"),
    sa.Index("ix_leases_host", "host"),
)

receipts = _table(
    "receipts",
    _column("number", sa.BigInteger(), key=True),
    _column("release_id", Name()),
    _column("instance_id", Name()),
    _column("project_id", Name()),
    _column("jwt", text()),
    _column("created_at", Moment()),
    sa.Index("uq_receipts_release", "release_id", unique=True),
    sa.Index("ix_receipts_instance", "instance_id", "number"),
    sa.Index("ix_receipts_project", "project_id", "number"),
)

log_nodes = _table(
    "log_nodes",
    _column("level", sa.Integer(), key=True),
    _column("number", sa.BigInteger(), key=True),
    _column("hash", digest(32)),
)

outbox = _table(
    "outbox",
    _column("number", counted(), key=True, autoincrement=True),
    _column("event_type", Name()),
    _column("payload", Json()),
    _column("created_at", Moment()),
    _column("claimed_until", Moment(), null=True),
)

# ``results``: the newest sequence number; ``log``: the number of receipts.
# Locked by their writers until the unit ends, so that numbers appear in the
# order in which they were given.
counters = _table(
    "counters",
    _column("name", Name(32), key=True),
    _column("value", sa.BigInteger()),
)

# Used by the built-in vault; the secrets are AES-256-GCM ciphertext.
vault_secrets = _table(
    "vault_secrets",
    _column("reference", Name(), key=True),
    _column("context", Name()),
    _column("key_version", sa.Integer()),
    _column("nonce", digest(12)),
    _column("ciphertext", digest(1024)),
    sa.Index("ix_vault_secrets_key_version", "key_version"),
)
