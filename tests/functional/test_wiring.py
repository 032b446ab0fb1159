# SPDX-License-Identifier: Apache-2.0
"""The service as a configuration builds it, with its real adapters."""

from __future__ import annotations

import json
import threading
import time

import pytest
import requests

from attestation_service import deploy, private_files, wiring
from attestation_service.background import Background
from attestation_service.core import errors
from attestation_service.signing.signer import FileSigner
from attestation_service.store import migrate
from attestation_service.vault.remote import CastellanVault
from nova_trusted_launch.client.trust import Verifier
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.release import Released
from tests.fixtures.host import Host, good, profile
from tests.fixtures.service import AttestationServiceFixture
from tests.fixtures.wsgi import WsgiAdapter

URL = "http://attestation.example"
MATERIAL = bytes(range(32))
CONF = """
[api]
auth_strategy = static
[static_tokens]
file = {folder}/tokens.json
[database]
connection = sqlite:///{folder}/service.db
[signing]
key_directory = {folder}/signing
[vault]
master_key_file = {folder}/vault/master.key
[enrolment]
trust_anchors = {folder}
"""


@pytest.fixture
def conf(tmp_path):
    tokens = tmp_path / "tokens.json"
    tokens.touch(0o600)
    tokens.write_text(json.dumps([{
        "token": "member", "user_id": "u1", "project_id": "p1",
        "roles": ["member"]}]))
    (tmp_path / "empty").mkdir()
    path = tmp_path / "service.conf"
    path.write_text(CONF.format(folder=tmp_path).replace(
        f"trust_anchors = {tmp_path}", f"trust_anchors = {tmp_path}/empty"))
    made = deploy.load_conf(["--config-file", str(path)])
    migrate.sync(wiring.database(made))
    return made


def ask(app, method, path, **more):
    with requests.Session() as http:
        http.mount(URL, WsgiAdapter(app))
        return http.request(method, URL + path,
                            headers={"X-Auth-Token": "member"}, **more)


def test_a_configured_service_serves(conf, tmp_path):
    app = deploy.load_app(conf)
    assert ask(app, "GET", "/healthcheck").status_code == 200
    keys = ask(app, "GET", "/v1/jwks").json()["keys"]
    made = ask(app, "POST", "/v1/keys", json={
        "name": "k", "material": encoding.b64(MATERIAL),
        "policy": {"image_id": "image-1"}})
    assert made.status_code == 201, made.text
    # After a restart it has the same keys, and the same database.
    again = deploy.load_app(conf)
    assert ask(again, "GET", "/v1/jwks").json()["keys"] == keys
    assert [key["name"] for key in ask(
        again, "GET", "/v1/keys").json()["keys"]] == ["k"]
    for path in tmp_path.glob("service.db*"):
        assert MATERIAL not in path.read_bytes()


def test_a_service_whose_keys_others_can_read_does_not_start(conf, tmp_path):
    deploy.load_app(conf)
    (tmp_path / "vault" / "master.key").chmod(0o644)
    with pytest.raises(private_files.NotPrivate):
        deploy.load_app(conf)


def test_without_nova_and_bus_nothing_is_released_or_asked(conf):
    outside = wiring.ports_of(conf, deploy.SystemRandomness(), deploy.now)
    with pytest.raises(errors.Unavailable):
        outside.instances.locate("i1")
    with pytest.raises(errors.Unavailable):
        outside.agents.attest_now(None)
    assert outside.traits.publish("host", ["p"], ["p"]) is None


def test_castellan_is_taken_when_configured(tmp_path, conf):
    path = tmp_path / "service.conf"
    path.write_text(path.read_text() + "\n[vault]\nbackend = castellan\n"
                    "[key_manager]\n"
                    "backend = tests.fakes.key_manager.FileKeyManager\n"
                    f"[file_key_manager]\nfolder = {tmp_path}/empty\n")
    made = deploy.load_conf(["--config-file", str(path)])
    outside = wiring.ports_of(made, deploy.SystemRandomness(), deploy.now)
    assert isinstance(outside.vault, CastellanVault)


def test_a_release_with_the_real_vault_and_signer(tmp_path, conf):
    service = AttestationServiceFixture(tmp_path)
    ring = wiring.keyring(conf, deploy.now)
    service.signer = FileSigner(ring)
    service.vault = wiring.builtin_vault(conf, service.database,
                                         deploy.SystemRandomness())
    with service:
        profile(service)
        host = Host(service).enrol()
        host.attest()
        key = good(service.ask("member", "POST", "/v1/keys", {
            "name": "image key", "material": encoding.b64(MATERIAL),
            "policy": {"profile": "baseline"}}), 201)["key"]
        for rotated in (False, True):
            if rotated:
                ring.rotate()
                service.vault.rotate()
            request = host.request(key_id=key["id"], image_id="image-1")
            service.nova.place(request.instance_id, host.name)
            released = Released.from_dict(good(host.release(request)))
            assert host.unseal(request, released).image_key == MATERIAL
        verifier = Verifier(service.ask("member", "GET", "/v1/jwks").json())
        for entry in good(service.ask("member", "GET", "/v1/receipts"))[
                "receipts"]:
            assert verifier.receipt(entry["receipt"]).host == host.name


def test_work_in_the_background_goes_on_after_a_failure(monkeypatch):
    monkeypatch.setattr("attestation_service.background._PAUSE", 0.01)
    done, background = threading.Event(), Background()
    failures = [2]

    def work():
        if failures[0]:
            failures[0] -= 1
            raise ZeroDivisionError
        done.set()

    background.every(0.01, work)
    assert done.wait(30)
    before = time.monotonic()
    background.stop()
    assert time.monotonic() - before < 5
