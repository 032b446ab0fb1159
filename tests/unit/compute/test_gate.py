# SPDX-License-Identifier: Apache-2.0
"""Which instances are trusted, and what their release takes."""

from __future__ import annotations

import pytest

from nova_trusted_launch.client.agent import AgentClient
from nova_trusted_launch.compute.gate import Gate
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from tests.fakes import nova as fakes
from tests.fakes.nova import UUID, FakeInstance


def asks(gate, instance, action=Action.POWER_ON, encrypted_disk=False, **kw):
    return gate.asks(instance, action, encrypted_disk=encrypted_disk, **kw)


@pytest.mark.parametrize("instance", [
    fakes.trusted(),
    fakes.encrypted_image(extra_specs={}),
    FakeInstance(system_metadata={"image_trusted_launch_key_id": "k"}),
    FakeInstance(system_metadata={"image_trait:CUSTOM_TRUSTED_LAUNCH_GOLD":
                                  "required"}),
    FakeInstance(system_metadata={"trusted_launch": "gold"}),
])
def test_each_sign_is_enough(gate, instance):
    assert gate.signs(instance, encrypted_disk=False)
    assert asks(gate, instance) is not None


def test_g7_disk_alone_is_a_sign(gate):
    stripped = FakeInstance()
    assert gate.signs(stripped, encrypted_disk=True)
    assert asks(gate, stripped, encrypted_disk=True) is not None


def test_g7_lease_alone_is_a_sign(gate, agent):
    stripped = FakeInstance()
    assert asks(gate, stripped) is None
    agent.leases[UUID] = {"trusted": True}
    assert asks(gate, stripped) is not None


def test_instance_without_any_sign_starts_when_nobody_answers(gate, agent):
    agent.stop()
    assert asks(gate, FakeInstance()) is None


def test_new_instance_without_sign_asks_nobody(gate, agent):
    assert asks(gate, FakeInstance(), Action.SPAWN) is None
    assert agent.requests == []


def test_metadata_and_hint_count_at_the_first_launch(gate):
    by_metadata = FakeInstance(metadata={"trusted_launch_token": "t-1"})
    assert asks(gate, by_metadata, Action.SPAWN).token == "t-1"
    assert asks(gate, FakeInstance(), Action.SPAWN,
                hints={"trusted_launch": ["gold"]}).profile == "gold"


def test_contradiction_is_trusted_and_refused(gate):
    confused = fakes.trusted(
        system_metadata={"image_trusted_launch_profile": "lead"})
    assert gate.signs(confused, encrypted_disk=False)
    with pytest.raises(TrustedLaunchRefused) as refused:
        asks(gate, confused)
    assert refused.value.refusal is Code.FLAVOR_INVALID


def test_release_carries_what_was_asked(gate, agent):
    instance = fakes.encrypted_image(
        metadata={"trusted_launch_token": "t-1"})
    asked = asks(gate, instance, Action.SPAWN)
    session = gate.release(instance, Action.SPAWN, asked)
    assert agent.requests[-1] == {
        "op": "release", "instance_id": UUID, "action": "spawn",
        "profile": "gold", "image_id": fakes.IMAGE,
        "key_id": fakes.KEY_ID, "launch_id": "t-1"}
    assert session.disk_passphrase == agent.disk_keys[UUID].hex().encode()
    assert "disk_key" not in repr(session)
    assert agent.disk_keys[UUID].hex() not in repr(session)


def test_later_start_does_not_spend_the_token_again(gate, agent):
    instance = fakes.trusted(metadata={"trusted_launch_token": "t-1"})
    gate.release(instance, Action.POWER_ON, asks(gate, instance))
    assert agent.requests[-1]["launch_id"] is None


@pytest.mark.parametrize("refusal", [
    (Code.RELEASE_NOT_AFFIRMING, "host is contraindicated"),
    (Code.TOKEN_SPENT, "spent"), ("some.new_code", "what")])
def test_refusal_of_the_service_is_passed_on(gate, agent, refusal):
    agent.refusal = refusal
    with pytest.raises(TrustedLaunchRefused) as refused:
        gate.release(fakes.trusted(), Action.SPAWN,
                     asks(gate, fakes.trusted(), Action.SPAWN))
    assert refused.value.refusal == refusal[0]
    assert refusal[1] in refused.value.format_message()


def test_dead_agent_refuses_a_trusted_instance(gate, agent):
    agent.stop()
    with pytest.raises(TrustedLaunchRefused) as refused:
        gate.release(fakes.trusted(), Action.POWER_ON,
                     asks(gate, fakes.trusted()))
    assert refused.value.refusal is Code.AGENT_UNAVAILABLE
    assert refused.value.other_host_may_do


def test_slow_agent_is_given_up(agent):
    agent.delay = 3
    client = AgentClient(agent.path, 0.2)
    gate = Gate(client, client)
    assert asks(gate, FakeInstance()) is None
    with pytest.raises(TrustedLaunchRefused):
        gate.release(fakes.trusted(), Action.POWER_ON,
                     asks(gate, fakes.trusted()))
