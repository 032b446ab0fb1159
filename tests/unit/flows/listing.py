# SPDX-License-Identifier: Apache-2.0
"""IMA lists of a host, and profiles that know their files."""

from __future__ import annotations

import hashlib

from attestation_service import records as r
from attestation_service.flows.memory import Memory
from tests.fakes.cloud import Cloud

FILES = {"/bin/a": b"A", "/bin/b": b"B", "/bin/c": b"C"}


def references(cloud, name="base", files=None):
    cloud.flows.reference_values.create(r.ReferenceSet(
        name, "ima", "made up", cloud.clock(), None,
        {hashlib.sha256(contents).hexdigest(): (path,)
         for path, contents in (files or FILES).items()}))


def files(*sets):
    return {"schema": 1, "valid_for": 600, "require": [
        {"any-of": [{"all-of": [{"ima": {
            "reference_values": list(sets)}}]}]}]}


def tier(stored):
    (one,) = stored
    return one.result.tier


def length(host):
    return len(host.ima.dump())


def remembered(cloud, host):
    return Memory.of(cloud.flows.attesters.find(host.id))


def knowing_cloud():
    """Make a cloud whose profile knows the files."""
    made = Cloud()
    references(made)
    made.profile(document=files("base"))
    return made


def listing_host(cloud):
    """Make a host whose list has one of the files."""
    host = cloud.host()
    host.measure("/bin/a", b"A")
    return host
