# SPDX-License-Identifier: Apache-2.0
"""The whole story over HTTP: enrol, attest, register, launch, release."""

from __future__ import annotations

import hashlib

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.release import Released
from tests.fixtures.host import good, refusal

MATERIAL = bytes(range(32))


def test_enrol_attest_release(service, host):
    (result,) = host.attest()
    assert result.count(".") == 2
    key = good(service.ask("member", "POST", "/v1/keys", {
        "name": "image key", "material": encoding.b64(MATERIAL),
        "policy": {"profile": "baseline"}}), 201)["key"]
    launch = good(service.ask("member", "POST", "/v1/launches", {
        "profile": "baseline", "nonce": encoding.b64(b"n" * 32)}),
        201)["launch"]
    request = host.request(key_id=key["id"], launch_id=launch["id"],
                           image_id="image-1")
    service.nova.place(request.instance_id, host.name)

    released = Released.from_dict(good(host.release(request)))
    keys = host.unseal(request, released)

    assert keys.image_key == MATERIAL
    assert keys.nonce == b"n" * 32
    assert len(keys.disk_key) == 32
    seen = good(service.ask(
        "member", "GET", f"/v1/instances/{request.instance_id}"))["instance"]
    assert seen["trusted"]
    assert seen["host"] == host.name
    assert seen["nonce_digest"] == hashlib.sha256(b"n" * 32).hexdigest()
    assert seen["last_release"]["state"] == "granted"
    (receipt,) = good(service.ask("member", "GET", "/v1/receipts"))[
        "receipts"]
    assert receipt["receipt"] == released.receipt
    assert refusal(service.ask(
        "other", "GET", f"/v1/instances/{request.instance_id}")) == (
            404, "receipt.unknown")
