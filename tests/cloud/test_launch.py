# SPDX-License-Identifier: Apache-2.0
"""Trusted servers run, and their owners can prove what they are."""

from __future__ import annotations

import secrets

import pytest

from nova_trusted_launch.client import verification
from nova_trusted_launch.wire import encoding
from tests.cloud.conftest import PROFILE
from tools.cloud import lab, plaintext


def test_smoke_encrypted_image_boots_and_guest_knows_n(cloud, running):
    assert cloud.admin.nonce(running.server.id) == encoding.b64(
        running.nonce)


def _report(cloud, running, **changes):
    return verification.verify_server(
        cloud.admin.trusted, verification.Expectation(**{
            "instance_id": running.server.id,
            "project_id": running.server.project_id, "profile": PROFILE,
            "image_id": cloud.image.id, "image_digest": cloud.made.digest,
            "nonce": running.nonce, **changes}))


def test_smoke_receipt_proves_instance_image_profile_and_n(cloud, running):
    report = _report(cloud, running)
    assert report.verified, report.statements
    assert report.receipt.host == running.host


def test_receipt_refutes_another_n(cloud, running):
    assert not _report(cloud, running,
                       nonce=secrets.token_bytes(32)).verified


def test_receipt_refutes_another_image(cloud, running):
    assert not _report(cloud, running, image_digest=bytes(32)).verified


def test_f7_plaintext_is_nowhere_on_host_storage(cloud, running):
    assert plaintext.files_with(cloud.marker, [cloud.disk]), (
        "the search is blind")
    assert len(plaintext.files_with(
        plaintext.visible(cloud.made.path),
        plaintext.storage())) > 1, "it misses the hosts"
    assert not plaintext.files_with(cloud.marker, plaintext.storage())


def test_plain_image_is_launched_trusted_on_an_encrypted_disk(
        cloud, server_of):
    server = server_of("plain-image", cloud.plain)
    assert server.status == "ACTIVE", cloud.why(server)
    disk = lab.place(server.compute_host, "var", "lib", "nova", "instances",
                     server.id, "disk")
    # crypt_method 2 of the qcow2 header: LUKS.
    assert disk.read_bytes()[32:36] == b"\0\0\0\2"


def test_untrusted_flavor_and_image_start_as_ever(cloud, server_of):
    server = server_of("untrusted", cloud.plain, "e2e.plain")
    assert server.status == "ACTIVE", cloud.why(server)
    assert cloud.releases(server) == []


def test_member_user_launches_her_own_image(cloud):
    image, made, _ = cloud.alice.encrypt(
        "e2e-alice", cloud.disk, PROFILE, cloud.folder)
    token = cloud.alice.trusted.launch_create(
        PROFILE, image_id=image.id, image_digest=made.digest.hex())
    server = cloud.alice.boot("e2e-alice", image.id, "e2e.trusted",
                              token=token["id"])
    assert server.status == "ACTIVE", server.fault
    report = verification.verify_server(
        cloud.alice.trusted, verification.Expectation(
            server.id, image_digest=made.digest,
            nonce=encoding.unb64(token["nonce"], "nonce")))
    cloud.alice.remove(server.id)
    assert report.verified, report.statements


def test_e2_token_is_good_for_one_server(cloud, running, server_of):
    server = server_of("token-again", token=running.token)
    assert server.status == "ERROR"
    assert "token.spent" in cloud.why(server)


@pytest.fixture
def misspelt(cloud):
    """A flavor that asks for nothing yet."""
    lab.ensure_flavor(cloud.admin, "e2e.misspelt", {})
    flavor = cloud.admin.compute.find_flavor("e2e.misspelt")
    yield flavor
    cloud.admin.compute.delete_flavor(flavor)


def _specify(cloud, flavor, microversion):
    return cloud.admin.compute.post(
        f"/flavors/{flavor.id}/os-extra_specs", microversion=microversion,
        json={"extra_specs": {"trusted_launch:profil": PROFILE}})


def test_g5_misspelt_extra_spec_is_a_bad_request(cloud, misspelt):
    assert _specify(cloud, misspelt, "2.86").status_code == 400


def test_g5_misspelt_extra_spec_of_an_old_microversion_starts_nothing(
        cloud, misspelt, server_of):
    """Nova checks the names of extra specs since 2.86 only."""
    assert _specify(cloud, misspelt, "2.85").status_code == 200
    server = server_of("misspelt", cloud.plain, misspelt.name)
    assert server.status == "ERROR"
