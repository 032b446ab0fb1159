# SPDX-License-Identifier: Apache-2.0
"""The tables, one per noun, in modules that are called as those of the ports.

``migrations`` make them; a test proves that both say the same on every
database.  There are no foreign keys: units of work keep things whole, and
history outlives what it speaks about.
"""

from __future__ import annotations

from attestation_service.store.schema.attesting import (
    attesters,
    challenges,
    enrolments,
    kept_evidence,
    latest_results,
    results,
)
from attestation_service.store.schema.policies import (
    profile_versions,
    profiles,
    reference_sets,
)
from attestation_service.store.schema.releasing import (
    keys,
    launches,
    leases,
    log_nodes,
    receipts,
    releases,
)
from attestation_service.store.schema.storage import (
    chunks,
    counters,
    outbox,
    vault_secrets,
)
from attestation_service.store.schema.table import metadata

__all__ = [
    "attesters",
    "challenges",
    "chunks",
    "counters",
    "enrolments",
    "kept_evidence",
    "keys",
    "latest_results",
    "launches",
    "leases",
    "log_nodes",
    "metadata",
    "outbox",
    "profile_versions",
    "profiles",
    "receipts",
    "reference_sets",
    "releases",
    "results",
    "vault_secrets",
]
