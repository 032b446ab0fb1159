# SPDX-License-Identifier: Apache-2.0
"""Documents of profiles, and the reference values they may name."""

from __future__ import annotations

import datetime

from attestation_service.core import errors
from attestation_service.core.policy import document
from attestation_service.core.policy.reference_values import ReferenceValues
from nova_trusted_launch.wire.codes import Code

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
HEX = "ab" * 32
HOUR = datetime.timedelta(hours=1)
KERNELS = ReferenceValues("kernels", "digest", {b"\1" * 32: ()},
                          NOW + HOUR)
FILES = ReferenceValues("files", "ima", {b"\1" * 32: ("/bin/true",)})


def sets(name):
    found = {"kernels": KERNELS, "files": FILES}.get(name)
    if found is None:
        raise errors.Unknown(name, Code.REFERENCE_VALUES_UNKNOWN)
    return found


def parse(value, now=NOW):
    return document.parse(value, sets=sets, now=now)


def one(rule):
    return {"schema": 1, "require": [rule]}


def pcr(**changes):
    body = {"bank": "sha256", "index": 7, "values": [HEX]} | changes
    return {"pcr": {k: v for k, v in body.items() if v is not None}}


LABEL = {"label": {"name": "region", "values": ["eu", "us"]}}
