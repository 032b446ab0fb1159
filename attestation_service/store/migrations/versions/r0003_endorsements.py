# SPDX-License-Identifier: Apache-2.0
"""EK certificates stay with their attester, to judge its evidence again."""

from __future__ import annotations

from alembic import op

from attestation_service.store.migrations import kinds as k

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; attesters enrolled before have none."""
    op.add_column("attesters", k.column("ek_certificate", k.blob(),
                                        null=True))
    op.add_column("attesters", k.column("intermediates", k.text(),
                                        null=True))
