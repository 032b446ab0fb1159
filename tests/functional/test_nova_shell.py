# SPDX-License-Identifier: Apache-2.0
"""``nova trusted-verify``, on the real service."""

from __future__ import annotations

import json
import types

import pytest
from keystoneauth1 import adapter, session, token_endpoint
from novaclient import api_versions, exceptions
from novaclient.extension import Extension
from novaclient.shell import OpenStackComputeShell
from novaclient.v2.servers import Server

from nova_trusted_launch import nova_shell
from tests.fixtures.host import good
from tests.fixtures.installed import Installed
from tests.fixtures.service import URL

NONCE = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def server(service, host):
    """A server that was released to the host with the tenant's token."""
    token = service.ask("member", "POST", "/v1/launches",
                        {"profile": "baseline", "nonce": NONCE})
    request = host.request(launch_id=good(token, 201)["launch"]["id"])
    service.nova.place(request.instance_id, host.name)
    good(host.release(request))
    return request.instance_id


class Servers:
    """Nova's side: finds a server by its id."""

    def get(self, server_id):
        return Server(self, {"id": server_id, "tenant_id": "p1", "image": ""})


@pytest.fixture
def nova(service):
    """Run ``nova`` as its own shell does, after the login."""
    # novaclient's session does not log in; its adapter does.
    client = adapter.Adapter(
        session=session.Session(session=service.http()),
        auth=token_endpoint.Token(URL, "member"))
    cs = types.SimpleNamespace(servers=Servers(), client=client)
    shell = OpenStackComputeShell()
    shell.extensions = [Extension("trusted_launch", nova_shell)]

    def run(*words):
        parser = shell.get_subcommand_parser(
            api_versions.APIVersion("2.1"), argv=[])
        args = parser.parse_args(words)
        return args.func(cs, args)
    return run


def test_receipt_is_verified(nova, server, capsys):
    nova("trusted-verify", "--profile", "baseline", "--nonce", NONCE, server)
    told = capsys.readouterr().out
    assert f"VERIFIED: server {server} was released to host host-1" in told
    assert "| nonce " in told
    assert "REFUTED" not in told


@pytest.mark.parametrize("claim", [
    ("--profile", "gold"), ("--nonce", NONCE[:1] + "B" + NONCE[2:]),
    ("--image-digest", "ab" * 32)])
def test_other_claim_is_refuted(nova, server, claim, capsys):
    with pytest.raises(exceptions.CommandError, match="^NOT VERIFIED"):
        nova("trusted-verify", *claim, server)
    assert "REFUTED" in capsys.readouterr().out


def test_server_without_a_receipt(nova, host):
    with pytest.raises(exceptions.CommandError,
                       match="receipt.unknown: .*\n.*never released"):
        nova("trusted-verify", "1f1a2b9c-7a4f-4d7e-9a35-0c7f3a1f7f10")


def test_keys_from_elsewhere(service, nova, server, tmp_path, capsys):
    keys = tmp_path / "keys.json"
    keys.write_text(service.http().get(f"{URL}/v1/jwks").text)
    nova("trusted-verify", "--keys", str(keys), server)
    assert "handed out itself" not in capsys.readouterr().out
    keys.write_text(json.dumps({"keys": []}))
    with pytest.raises(exceptions.CommandError):
        nova("trusted-verify", "--keys", str(keys), server)


@pytest.mark.parametrize("words", [
    ("--nonce", "not base64url!"), ("--image-digest", "xyz"),
    ("--keys", "/nonexistent"), ("--keys", __file__)])
def test_options_that_cannot_be_read(nova, server, words):
    with pytest.raises(exceptions.CommandError):
        nova("trusted-verify", *words, server)


def test_keys_that_are_no_object(nova, server, tmp_path):
    path = tmp_path / "keys.json"
    path.write_text("[]")
    with pytest.raises(exceptions.CommandError, match="JSON Web Key Set"):
        nova("trusted-verify", "--keys", str(path), server)


def test_program_finds_the_command(tmp_path):
    done = Installed(tmp_path).run("novaclient.shell", "help",
                                   "trusted-verify")
    assert done.returncode == 0, done.stderr
    assert "Check a server's receipt" in done.stdout
