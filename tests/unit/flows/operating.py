# SPDX-License-Identifier: Apache-2.0
"""What an operator does to profiles."""

from __future__ import annotations

from tests.fakes.cloud import PROFILE

STRICT = {"schema": 1, "require": [{"hardware-root": {"required": True}}]}


def create(cloud, name="gold", **changes):
    """Create a profile; with some things otherwise."""
    return cloud.flows.profiles.create(**{
        "name": name, "description": "for all", "document": PROFILE,
        "projects": None, "activate": True, "user_id": "op",
        "now": cloud.clock(), **changes})
