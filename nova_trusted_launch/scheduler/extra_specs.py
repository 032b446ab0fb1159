# SPDX-License-Identifier: Apache-2.0
"""Validators of ``trusted_launch:*`` for Nova's API.

Entry point ``nova.api.extra_spec_validators``.  Naming one extra spec of the
namespace makes Nova refuse every other name in it.
"""

from __future__ import annotations

from nova.api.validation.extra_specs import base

from nova_trusted_launch import admission


def register() -> list[base.ExtraSpecValidator]:
    """Return the validators; Nova calls this once at start."""
    return [base.ExtraSpecValidator(
        name=admission.EXTRA_SPEC,
        description=(
            "Launch only on a host that satisfies this profile of the "
            "attestation service, with an encrypted root disk."),
        value={"type": str, "pattern": admission.PROFILE_PATTERN})]
