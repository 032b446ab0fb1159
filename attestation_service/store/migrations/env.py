# SPDX-License-Identifier: Apache-2.0
"""Alembic's entrance; the connection comes from ``store.migrate``."""

from __future__ import annotations

from alembic import context

from attestation_service.store import schema

context.configure(connection=context.config.attributes["connection"],
                  target_metadata=schema.metadata)
with context.begin_transaction():
    context.run_migrations()
