# SPDX-License-Identifier: Apache-2.0
"""What a tenant types, from a key to a verified server."""

from __future__ import annotations

import types
import uuid

import pytest
from openstack.compute.v2.server import Server
from openstack.image.v2.image import Image
from osc_lib import exceptions

from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.wire import encoding
from tests.fixtures.host import good
from tests.fixtures.osc import Shell

DIGEST = "ab" * 32
IMAGE = "1f1a2b9c-7a4f-4d7e-9a35-0c7f3a1f7f10"


class Images:
    """Glance's side of the SDK: knows two images."""

    def __init__(self, key_id: str) -> None:
        self._properties = {"secret": {
            "trusted_launch_key_id": key_id,
            "trusted_launch_profile": "baseline",
            "trusted_launch_digest": DIGEST}, "plain": None}

    def find_image(self, name, *, ignore_missing):
        assert not ignore_missing
        return Image(id=IMAGE, name=name,
                     properties=self._properties[name])


class Servers:
    """Nova's side of the SDK: finds a server by its id."""

    def __init__(self, image: str = "") -> None:
        self.image = {"id": image} if image else ""

    def find_server(self, name, *, ignore_missing):
        assert not ignore_missing
        if name == "none":
            raise LookupError("No Server found for none")
        return Server(id=name, project_id="p1", image=self.image)


@pytest.fixture
def launched(service, host, tenant):
    """A server that was released to the host with the tenant's token."""
    token = tenant(
        "trusted launch create --profile baseline -f json").json
    request = host.request(launch_id=token["id"])
    service.nova.place(request.instance_id, host.name)
    good(host.release(request))
    return types.SimpleNamespace(server=request.instance_id,
                                 nonce=token["nonce"], launch=token["id"])


@pytest.fixture
def shell(service):
    return Shell(TrustedLaunchClient(service.adapter("member")),
                 compute=Servers())


def test_key_is_registered_shown_and_forgotten(host, tenant, tmp_path):
    secret = tmp_path / "key"
    secret.write_bytes(bytes(range(32)))
    made = tenant(
        f"trusted key create --file {secret} --profile baseline --launches 3 "
        f"--days 7 --demand-token --image {IMAGE} --image-digest {DIGEST} k "
        "-f json").json
    assert made["policy"].pop("expires_at")
    assert made["policy"] == {
        "profile": "baseline", "launches": 3, "demand_token": True,
        "image_digest": DIGEST, "image_id": IMAGE}
    (listed,) = tenant("trusted key list -f json").json
    assert listed["ID"] == made["id"]
    shown = tenant(f"trusted key show {made['id']}").out
    assert encoding.b64(secret.read_bytes()) not in shown
    tenant(f"trusted key delete {made['id']}")
    assert tenant("trusted key list -f json").json == []


def test_nonce_is_shown_once(host, tenant):
    made = tenant("trusted launch create --profile baseline "
                  f"--image {IMAGE} --expires-in 600 -f json").json
    assert len(encoding.unb64(made["nonce"], "nonce")) >= 16
    shown = tenant(f"trusted launch show {made['id']} -f json").json
    assert not shown.get("nonce")
    (listed,) = tenant("trusted launch list -f json").json
    assert (listed["ID"], listed["Image"]) == (made["id"], IMAGE)
    tenant(f"trusted launch delete {made['id']}")
    assert tenant("trusted launch list -f json").json == []


def test_nonce_of_one_s_own(host, tenant):
    mine = encoding.b64(b"m" * 32)
    made = tenant(f"trusted launch create --profile baseline --nonce {mine} "
                  "-f json").json
    assert made["profile"] == "baseline"
    with pytest.raises(exceptions.CommandError, match="nonce"):
        tenant("trusted launch create --profile baseline --nonce '!!'")


def test_server_is_verified(launched, shell):
    outcome = shell(
        f"trusted server verify --profile baseline --nonce {launched.nonce} "
        f"{launched.server} -f json")
    assert outcome.status == 0
    assert outcome.err.startswith(f"VERIFIED: server {launched.server}")
    words = {s["Statement"]: s["Outcome"] for s in outcome.json}
    assert words["nonce"] == words["profile"] == "proven"


@pytest.mark.parametrize("claim", [
    "--profile gold", f"--nonce {encoding.b64(b'x' * 32)}",
    f"--image-digest {DIGEST}"])
def test_other_claim_is_refuted(launched, shell, claim):
    outcome = shell(f"trusted server verify {claim} {launched.server}")
    assert outcome.status == 1
    assert outcome.err.startswith("NOT VERIFIED")


def test_server_that_was_never_released(host, shell):
    unknown = str(uuid.uuid4())
    with pytest.raises(exceptions.CommandError, match="receipt"):
        shell(f"trusted server verify {unknown}")
    shown = shell(f"trusted server show {unknown} -f json").json
    assert (shown["trusted"], shown["last_release"]) == (False, None)


def test_server_that_nova_does_not_know(host, shell):
    with pytest.raises(exceptions.CommandError, match="No Server found"):
        shell("trusted server show none")


def test_server_and_its_releases(launched, shell):
    shown = shell(f"trusted server show {launched.server} -f json").json
    assert (shown["trusted"], shown["host"]) == (True, "host-1")
    (release,) = shell(
        f"trusted release list --server {launched.server} --state granted "
        "-f json").json
    assert (release["Host"], release["State"]) == ("host-1", "granted")
    release_id = shown["last_release"]["id"]
    assert shell(f"trusted release show {release_id} -f json").json[
        "instance_id"] == launched.server


def test_receipt_and_log(launched, shell, tmp_path):
    (receipt,) = shell(
        f"trusted receipt list --server {launched.server} -f json").json
    shown = shell(f"trusted receipt show {receipt['Log entry']} -f json").json
    assert shown["jwt"].count(".") == 2
    assert shell("trusted log show -f json").json["size"] == 1
    state = tmp_path / "checkpoint"
    first = shell(f"trusted log verify --state {state} -f json").json
    assert first["verified"] == "the checkpoint is signed"
    again = shell(f"trusted log verify --state {state} -f json").json
    assert "nothing was removed" in again["verified"]


def test_forged_checkpoint_is_refused(launched, shell, tmp_path):
    state = tmp_path / "checkpoint"
    state.write_text("e30.e30.AAAA", "ascii")
    with pytest.raises(exceptions.CommandError):
        shell(f"trusted log verify --state {state}")


def test_image_shows_its_key_and_profile(service, host, tenant, tmp_path):
    secret = tmp_path / "key"
    secret.write_bytes(bytes(32))
    key = tenant(f"trusted key create --file {secret} k -f json").json
    shell = Shell(TrustedLaunchClient(service.adapter("member")),
                  image=Images(key["id"]))
    shown = shell("trusted image show secret -f json").json
    assert (shown["encrypted"], shown["profile"], shown["digest"]) == (
        True, "baseline", DIGEST)
    assert shown["key"]["id"] == key["id"]
    assert shell("trusted image show plain -f json").json["encrypted"] \
        is False


@pytest.mark.parametrize("line", [
    "trusted log verify --keys {}", "trusted receipt show 0 --keys {}",
    "trusted server verify {server} --keys {}"])
@pytest.mark.parametrize("content", ["{}", '{"keys": []}', "[]", "null"])
def test_empty_key_set_is_not_replaced_by_the_services_own(
        launched, shell, tmp_path, line, content):
    keys = tmp_path / "keys.json"
    keys.write_text(content, "ascii")
    with pytest.raises(exceptions.CommandError, match="[kK]ey"):
        shell(line.format(keys, server=launched.server))


def test_image_without_profile_is_not_made(tenant, tmp_path):
    with pytest.raises(exceptions.CommandError, match="--profile"):
        tenant("trusted image create --file disk.raw image")
