# SPDX-License-Identifier: Apache-2.0
"""attestation-service-api as a process: gunicorn, two workers, a socket."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests
from oslo_config import cfg

from attestation_service import conf as options
from attestation_service import deploy
from attestation_service.cmd import serve
from attestation_service.store import database, migrate
from tests.fixtures.host import good, refusal
from tests.fixtures.service import IDENTITIES

ROOT = pathlib.Path(__file__).parents[2]
PATIENCE = 90
CONF = """
[DEFAULT]
log_file = {folder}/service.log
[api]
auth_strategy = static
bind_port = {port}
workers = 2
threads = 2
[static_tokens]
file = {folder}/tokens.json
[database]
connection = sqlite:///{folder}/service.db
[signing]
key_directory = {folder}/signing
[vault]
master_key_file = {folder}/vault/master.key
[enrolment]
trust_anchors = {folder}/anchors
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def configure(folder, port, **changed):
    tokens = folder / "tokens.json"
    tokens.touch(0o600)
    tokens.write_text(json.dumps([
        {"token": name, **entry} for name, entry in IDENTITIES.items()]))
    text = CONF.format(folder=folder, port=port)
    for old, new in changed.items():
        text = text.replace(old, new)
    path = folder / "service.conf"
    path.write_text(text)
    return path


def start(path):
    """Start the server; everything it says goes to a file beside."""
    with open(path.with_suffix(".out"), "wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "attestation_service.cmd.serve",
             "--config-file", str(path)], cwd=ROOT, stdout=out, stderr=out,
            env={**os.environ, "PYTHONPATH": str(ROOT),
                 "TMPDIR": str(path.parent)})


@pytest.fixture
def server(tmp_path):
    port = free_port()
    path = configure(tmp_path, port)
    sql = database.connect(f"sqlite:///{tmp_path}/service.db")
    migrate.sync(sql)
    sql.dispose()
    process = start(path)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url, path)
        yield process, url, tmp_path
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def _wait(process, url, path):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, path.with_suffix(".out").read_text()
        try:
            if requests.get(url + "/healthcheck", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the server did not answer")


def test_it_serves_and_ends_tidily(server):
    process, url, folder = server
    who = {"X-Auth-Token": "member"}
    assert good(requests.get(url, timeout=10))["versions"][0]["id"] == "v1.0"
    assert good(requests.get(f"{url}/v1/keys", headers=who, timeout=10)) == {
        "keys": [], "next": None}
    assert refusal(requests.get(f"{url}/v1/keys", timeout=10)) == (
        401, "request.unauthenticated")
    for _ in range(40):
        requests.get(f"{url}/v1/keys/none", headers=who, timeout=10)
    # Whichever worker answers, it counts for all.
    for _ in range(4):
        text = requests.get(f"{url}/metrics", timeout=10).text
        assert ('trusted_launch_request_seconds_count{method="GET",'
                'route="/v1/keys/<key>",status="404"} 40.0') in text
    # A body that says it is longer than the limit is not waited for.
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])),
                                  timeout=10) as raw:
        raw.sendall(b"POST /v1/keys HTTP/1.1\r\nHost: x\r\n"
                    b"X-Auth-Token: member\r\nContent-Length: 99999999\r\n"
                    b"Content-Type: application/json\r\n\r\n")
        assert raw.recv(12) == b"HTTP/1.1 413"

    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 0
    assert not list(folder.glob("attestation-service-metrics-*"))
    log = (folder / "service.log").read_text()
    assert "request.unauthenticated" in log
    assert "member" not in log
    for made in (folder / "service.db", folder / "tokens.json",
                 *(folder / "signing").glob("*.pem"),
                 folder / "vault" / "master.key"):
        assert made.stat().st_mode & 0o077 == 0, made


@pytest.mark.parametrize(("changed", "says"), [
    ({"bind_port =": "bind_host = 0.0.0.0\nbind_port ="}, "loopback"),
    ({"bind_port =": "bind_host = ::\nbind_port ="}, "loopback"),
    ({"bind_port =": "bind_host = attestation.example\nbind_port ="},
     "loopback"),
    ({"bind_port =": "tls_key = /none\nbind_port ="}, "go together"),
])
def test_it_refuses_a_configuration_that_is_not_safe(tmp_path, changed,
                                                     says):
    process = start(configure(tmp_path, free_port(), **changed))
    assert process.wait(PATIENCE) == 1
    assert says in (tmp_path / "service.out").read_text()


@pytest.fixture
def conf():
    made = cfg.ConfigOpts()
    options.register_opts(made)
    made([], project=deploy.PROJECT, default_config_files=[])
    return made


@pytest.mark.parametrize(("host", "bind"), [
    ("127.0.0.1", "127.0.0.1:8786"), ("::1", "[::1]:8786"),
    ("localhost", "localhost:8786"), ("127.3.2.1", "127.3.2.1:8786")])
def test_static_tokens_may_bind_to_loopback(conf, host, bind):
    conf.set_override("auth_strategy", "static", "api")
    conf.set_override("bind_host", host, "api")
    assert serve.settings_of(conf)["bind"] == bind


def test_with_keystone_it_may_bind_to_anything_and_speak_tls(conf):
    conf.set_override("bind_host", "0.0.0.0", "api")
    conf.set_override("tls_certificate", "c.pem", "api")
    conf.set_override("tls_key", "k.pem", "api")
    settings = serve.settings_of(conf)
    assert settings["bind"] == "0.0.0.0:8786"
    assert (settings["certfile"], settings["keyfile"]) == ("c.pem", "k.pem")
