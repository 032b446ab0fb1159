# SPDX-License-Identifier: Apache-2.0
"""What the flows need of the outside world, as protocols.

Each store port has two implementations, SQL (``store``) and in memory
(``tests/fakes/stores.py``), and one contract test that runs over both.  All
store calls happen inside one unit of work (:class:`UnitOfWork`): what a flow
did is kept as a whole or not at all.  "raises Unknown" etc. are the classes of
``core.errors`` with the noun's own code.

Lists: ``Page.marker`` names the last item seen (its id, name, index or
sequence, as text) and the page starts after it; one that names nothing raises
Invalid (of a sequence or index: one that is no number).  ``Page.filters``
holds values of the records' own types (``state`` is an enum member).
"""

from __future__ import annotations

from attestation_service.ports.attesting import (
    Attesters,
    Challenges,
    KeptEvidence,
    Results,
)
from attestation_service.ports.outside import (
    AgentCalls,
    Instances,
    KeyVault,
    Randomness,
    Signer,
    Traits,
)
from attestation_service.ports.policies import (
    Profiles,
    ReferenceValues,
)
from attestation_service.ports.releasing import (
    Keys,
    Launches,
    Leases,
    ReceiptLog,
    Releases,
)
from attestation_service.ports.storage import (
    Outbox,
    Store,
    UnitOfWork,
)

__all__ = [
    "AgentCalls",
    "Attesters",
    "Challenges",
    "Instances",
    "KeptEvidence",
    "KeyVault",
    "Keys",
    "Launches",
    "Leases",
    "Outbox",
    "Profiles",
    "Randomness",
    "ReceiptLog",
    "ReferenceValues",
    "Releases",
    "Results",
    "Signer",
    "Store",
    "Traits",
    "UnitOfWork",
]
