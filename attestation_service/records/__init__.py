# SPDX-License-Identifier: Apache-2.0
"""What the service remembers, as plain values: the nouns of its ports.

Records are immutable; a change is a new record handed to the port.  All times
are aware and in UTC.  No record holds a secret in the clear except
:class:`KeyMaterial`, which does not show it.
"""

from __future__ import annotations

from attestation_service.records.attesters import (
    Attester,
    AttesterState,
    BootCounters,
    Enrolment,
    KeptEvidence,
    StoredResult,
)
from attestation_service.records.lists import (
    Event,
    Page,
)
from attestation_service.records.policies import (
    Profile,
    ProfileVersion,
    ReferenceSet,
)
from attestation_service.records.releases import (
    Key,
    KeyMaterial,
    KeyPurpose,
    Launch,
    Lease,
    Release,
    ReleasePolicy,
    ReleaseState,
    StoredReceipt,
    Whereabouts,
)
from attestation_service.records.time import Time

__all__ = [
    "Attester",
    "AttesterState",
    "BootCounters",
    "Enrolment",
    "Event",
    "KeptEvidence",
    "Key",
    "KeyMaterial",
    "KeyPurpose",
    "Launch",
    "Lease",
    "Page",
    "Profile",
    "ProfileVersion",
    "ReferenceSet",
    "Release",
    "ReleasePolicy",
    "ReleaseState",
    "StoredReceipt",
    "StoredResult",
    "Time",
    "Whereabouts",
]
