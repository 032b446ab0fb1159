# SPDX-License-Identifier: Apache-2.0
"""Attesters, their evidence and results."""

from __future__ import annotations

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.store.columns import (
    Json,
    Member,
    Moment,
    Name,
    blob,
    digest,
    text,
)
from attestation_service.store.schema.table import column, table
from nova_trusted_launch.wire.challenge import Purpose

enrolments = table(
    "enrolments",
    column("id", Name(), key=True),
    column("host", Name()),
    column("user_id", Name()),
    column("ek_certificate", blob()),
    column("intermediates", Json()),
    column("ek_public", blob()),
    column("ak_public", blob()),
    column("ek_digest", digest()),
    column("manufacturer", text()),
    column("firmware", text()),
    column("hardware", sa.Boolean()),
    column("proof_digest", digest()),
    column("expires_at", Moment()),
    sa.Index("ix_enrolments_ek_digest", "ek_digest", "expires_at"),
    sa.Index("ix_enrolments_expires_at", "expires_at"),
)

# ``host_slot`` and ``ek_slot`` repeat ``host`` and ``ek_digest`` until the
# attester is retired, then they are NULL: a unique index over them is the
# rule "one EK, one attester, one host name", on every database.
attesters = table(
    "attesters",
    column("id", Name(), key=True),
    column("host", Name()),
    column("host_slot", Name(), null=True),
    column("state", Member(r.AttesterState)),
    column("user_id", Name()),
    column("ek_public", blob()),
    column("ak_public", blob()),
    column("ek_digest", digest()),
    column("ek_slot", digest(), null=True),
    column("manufacturer", text()),
    column("firmware", text()),
    column("hardware", sa.Boolean()),
    column("labels", Json()),
    column("created_at", Moment()),
    column("updated_at", Moment()),
    column("counters", Json(), null=True),
    column("ima_position", Json(), null=True),
    column("last_seen_at", Moment(), null=True),
    column("ek_certificate", blob(), null=True),
    column("intermediates", Json(), null=True),
    sa.Index("uq_attesters_host_slot", "host_slot", unique=True),
    sa.Index("uq_attesters_ek_slot", "ek_slot", unique=True),
    sa.Index("ix_attesters_host", "host", "id"),
)

challenges = table(
    "challenges",
    column("nonce", digest(32), key=True),
    column("attester_id", Name()),
    column("purpose", Member(Purpose)),
    column("selection", Json()),
    column("ima_offset", sa.BigInteger()),
    column("subject", Name()),
    column("expires_at", Moment()),
    sa.Index("ix_challenges_attester", "attester_id", "purpose",
             "expires_at"),
    sa.Index("ix_challenges_expires_at", "expires_at"),
)

# Every result ever signed, until it is forgotten ...
results = table(
    "results",
    column("sequence", sa.BigInteger(), key=True),
    column("attester_id", Name()),
    column("host", Name()),
    column("profile", Name()),
    column("version", sa.Integer()),
    column("findings", Json()),
    column("issued_at", Moment()),
    column("expires_at", Moment()),
    column("reset_count", sa.BigInteger()),
    column("hardware", sa.Boolean()),
    column("jwt", text()),
    sa.Index("ix_results_attester", "attester_id", "sequence"),
    sa.Index("ix_results_issued_at", "issued_at"),
)

# ... and which is the latest of each host and profile.  ``sequence`` is that
# of the last change, ``result`` that of the row of ``results``.
latest_results = table(
    "latest_results",
    column("host", Name(), key=True),
    column("profile", Name(), key=True),
    column("sequence", sa.BigInteger()),
    column("result", sa.BigInteger()),
    column("attester_id", Name()),
    column("tier", sa.Integer()),
    column("expires_at", Moment()),
    sa.Index("uq_latest_results_sequence", "sequence", unique=True),
    sa.Index("ix_latest_results_attester", "attester_id"),
    sa.Index("ix_latest_results_profile", "profile"),
)

kept_evidence = table(
    "kept_evidence",
    column("id", Name(), key=True),
    column("attester_id", Name()),
    column("received_at", Moment()),
    column("qualifying", digest()),
    column("head", blob()),
    column("more", sa.Integer()),
    sa.Index("ix_kept_evidence_attester", "attester_id", "received_at"),
)
