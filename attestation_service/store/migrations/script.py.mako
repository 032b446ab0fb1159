# SPDX-License-Identifier: Apache-2.0
"""${message}."""

from __future__ import annotations

from alembic import op

from attestation_service.store.migrations import kinds as k

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """${message}."""
    ${upgrades if upgrades else "pass"}
