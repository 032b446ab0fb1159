# SPDX-License-Identifier: Apache-2.0
"""What profiles demand, and what came of it."""

from __future__ import annotations

from attestation_service import records as r

MAKER = {"tpm": {"manufacturers": ["IFX"]}}


def pcr(index, *values):
    return {"pcr": {"bank": "sha256", "index": index,
                    "values": [v.hex() for v in values]}}


def document(*rules, **more):
    return {"schema": 1, "require": list(rules), **more}


def latest(cloud, **filters):
    return cloud.flows.results.latest(r.Page(99, filters=filters))
