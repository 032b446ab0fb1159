# SPDX-License-Identifier: Apache-2.0
"""The API as YAML, one file per noun: what people send and what they get.

Each file runs against a service of its own in which one host has attested and
one instance of project p1 has been released.  A token is the name of who
sends it (``tests.fixtures.service.IDENTITIES``).
"""

from __future__ import annotations

import pathlib
import unittest

import pytest
import yaml
from gabbi import handlers, suitemaker

from nova_trusted_launch.wire import encoding
from tests.fixtures.contract import Verified
from tests.fixtures.host import Host, good

FOLDER = pathlib.Path(__file__).parent / "gabbits"


@pytest.fixture
def world(service, host, monkeypatch):
    """Something to show of every noun; its ids are in the environment."""
    host.attest()
    pending = Host(service, "host-2").enrol(approve=False)
    key = good(service.ask("member", "POST", "/v1/keys", {
        "name": "seeded", "material": encoding.b64(b"s" * 32),
        "policy": {"profile": "baseline"}}), 201)["key"]
    launch = good(service.ask("member", "POST", "/v1/launches", {
        "profile": "baseline"}), 201)["launch"]
    request = host.request(key_id=key["id"], launch_id=launch["id"],
                           image_id="image-1")
    service.nova.place(request.instance_id, host.name)
    released = good(host.release(request))
    other = host.request(image_id="image-1", profile="baseline")
    refused_id, challenge = host.open(other)
    assert host.answer(other, refused_id, challenge).status_code == 403
    for name, value in {
            "ATTESTER": host.attester_id, "PENDING": pending.attester_id,
            "KEY": key["id"], "LAUNCH": launch["id"],
            "INSTANCE": request.instance_id,
            "RELEASE": released["release_id"],
            "REFUSED": refused_id}.items():
        monkeypatch.setenv(name, value)
    return service


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")),
                         ids=lambda p: p.stem)
def test_noun(world, path):
    suite = suitemaker.test_suite_from_dict(
        unittest.defaultTestLoader, f"gabbit_{path.stem}",
        yaml.safe_load(path.read_text()), str(FOLDER),
        "attestation.example", 8786, None, lambda: Verified(world.app),
        handlers=[handler() for handler in handlers.RESPONSE_HANDLERS],
        test_loader_name="gabbits")
    result = unittest.TestResult()
    suite.run(result)
    assert result.testsRun
    assert "\n".join(f"{test}: {text[-400:]}" for test, text in (
        *result.errors, *result.failures)) == ""
    assert result.skipped == []
