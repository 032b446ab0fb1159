# SPDX-License-Identifier: Apache-2.0
"""What all the others stand on, and the built-in vault."""

from __future__ import annotations

import sqlalchemy as sa

from attestation_service.store.columns import (
    Json,
    Moment,
    Name,
    blob,
    counted,
    digest,
)
from attestation_service.store.schema.table import column, table

# Long blobs (reference values, evidence), compressed and in pieces, so that
# no database's limit on a packet or a value matters.  The first piece is the
# owner's ``head``, ``more`` says how many are here.
chunks = table(
    "chunks",
    column("owner", Name(300), key=True),
    column("number", sa.Integer(), key=True),
    column("data", blob()),
)

outbox = table(
    "outbox",
    column("number", counted(), key=True, autoincrement=True),
    column("event_type", Name()),
    column("payload", Json()),
    column("created_at", Moment()),
    column("claimed_until", Moment(), null=True),
)

# ``results``: the newest sequence number; ``log``: the number of receipts.
# Locked by their writers until the unit ends, so that numbers appear in the
# order in which they were given.
counters = table(
    "counters",
    column("name", Name(32), key=True),
    column("value", sa.BigInteger()),
)

# Used by the built-in vault; the secrets are AES-256-GCM ciphertext.
vault_secrets = table(
    "vault_secrets",
    column("reference", Name(), key=True),
    column("context", Name()),
    column("key_version", sa.Integer()),
    column("nonce", digest(12)),
    column("ciphertext", digest(1024)),
    sa.Index("ix_vault_secrets_key_version", "key_version"),
)
