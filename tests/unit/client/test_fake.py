# SPDX-License-Identifier: Apache-2.0
"""The fake behaves as the service does, as far as its users can tell."""

from __future__ import annotations

import inspect

import pytest

from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.client.fake import FakeTrustedLaunchClient, METHODS
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.client.trust import Verifier
from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier


@pytest.fixture
def fake() -> FakeTrustedLaunchClient:
    return FakeTrustedLaunchClient()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_methods_are_those_of_the_client(name):
    assert inspect.signature(getattr(FakeTrustedLaunchClient, name)) == (
        inspect.signature(getattr(TrustedLaunchClient, name)))


def test_down_is_down_for_every_method(fake):
    fake.state.failure = Unavailable("down")
    for name in METHODS:
        with pytest.raises(Unavailable):
            getattr(fake, name)()


def test_calls_are_counted_once_each(fake):
    fake.profile_create("gold", {}, activate=True)
    fake.results_snapshot()
    assert fake.state.calls == ["profile_create", "results_snapshot"]


def test_snapshot_deltas_and_withdrawals(fake):
    verifier = Verifier(fake.jwks())
    fake.set_result("a", "gold")
    fake.set_result("b", "gold", TrustTier.WARNING)
    whole = verifier.snapshot(fake.results_snapshot())
    assert [(e.host, e.tier) for e in whole.entries] == [
        ("a", TrustTier.AFFIRMING), ("b", TrustTier.WARNING)]
    fake.attester_retire("a")
    delta = verifier.snapshot(fake.results_snapshot(whole.sequence))
    assert [(e.host, e.tier) for e in delta.entries] == [
        ("a", TrustTier.NONE)]
    assert (delta.base, delta.sequence) == (2, 3)


def test_attesters(fake):
    made = fake.add_host("a", state="pending")
    assert fake.attester_approve("a")["state"] == "approved"
    assert fake.attester_label("a", {"rack": "7"})["labels"] == {"rack": "7"}
    fake.set_result("a", "gold")
    told = fake.attester_explain("a")
    assert told["results"][0]["findings"][0]["tier"] == "affirming"
    assert fake.attesters_list(state="pending") == []
    fake.attester_retire(made["id"])
    with pytest.raises(Refused) as refused:
        fake.attester_show("a")
    assert refused.value.code == Code.ATTESTER_UNKNOWN


def test_profiles(fake):
    fake.profile_create("gold", {"rules": [1]}, activate=True)
    fake.profile_version_create("gold", {"rules": [2]})
    fake.profile_update("gold", active_version=2)
    assert fake.profile_show("gold")["active_version"] == 2
    assert fake.profile_version_show("gold", 1)["document"] == {"rules": [1]}
    fake.set_result("a", "gold")
    assert fake.profiles_list()[0]["hosts_affirming"] == 1
    fake.profile_retire("gold")
    assert fake.profiles_list()[0]["hosts_affirming"] == 0
    with pytest.raises(Refused):
        fake.profile_create("gold", {})


def test_keys_never_show_their_material(fake):
    made = fake.key_create("k", b"m" * 32, {"profile": "gold"})
    assert "material" not in repr(fake.keys_list())
    assert fake.key_show(made["id"])["policy"]["profile"] == "gold"
    fake.key_delete(made["id"])
    assert fake.keys_list() == []


def test_launch_shows_its_nonce_once(fake):
    made = fake.launch_create("gold")
    assert "nonce" in made
    assert "nonce" not in fake.launch_show(made["id"])
    assert "nonce" not in fake.launch_create("gold", nonce=b"n" * 16)


def test_instances(fake):
    assert fake.instance_show("i") is None
    fake.add_release("i", "a", "gold")
    assert fake.instance_show("i")["trusted"]
    fake.instance_close("i")
    assert not fake.instance_show("i")["trusted"]
    assert fake.release_show(fake.releases_list()[0]["id"])["log_index"] == 0


def test_proofs_verify_at_every_size(fake):
    verifier = Verifier(fake.jwks())
    points = [verifier.checkpoint(fake.checkpoint())]
    for n in range(9):
        fake.add_release(f"i{n}", "a", "gold")
        points.append(verifier.checkpoint(fake.checkpoint()))
    for size in range(1, 10):
        for index in range(size):
            proof = fake.log_inclusion(index, size)
            receipts.verify_inclusion(
                receipts.leaf_hash(fake.receipt_show(index)["receipt"]),
                index, size, [bytes.fromhex(n) for n in proof["path"]],
                points[size].root)
        for first in range(size + 1):
            path = fake.log_consistency(first, size)["path"]
            receipts.verify_consistency(
                first, points[first].root, size, points[size].root,
                [bytes.fromhex(n) for n in path])
    with pytest.raises(Refused):
        fake.log_inclusion(9, 9)


def test_pages(fake):
    for host in "abc":
        fake.add_host(host)
    first = fake.attesters_list(limit=2)
    rest = fake.attesters_list(marker=first[-1]["id"])
    assert [a["host"] for a in first + rest] == ["a", "b", "c"]
