# SPDX-License-Identifier: Apache-2.0
"""H2, H3, H5, H6 in the flows: whatever fails, the answer is no."""

from __future__ import annotations

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.policy import rules
from attestation_service.flows import judgement
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier


@pytest.fixture
def host(cloud):
    return cloud.host()


def nothing_released(cloud):
    tables = cloud.store.tables
    return not (tables.log.size() or tables.leases.rows or tables.keys.rows)


class Broken(Exception):
    """A mistake of ours, in the middle of something."""


def broken(*args, **kwargs):
    raise Broken


BREAKS = [
    (judgement.verify, "verify_evidence"),
    (judgement.verify, "verify_continuity"),
    (judgement.facts, "extract"),
    (judgement, "appraise"),
    (rules.TpmIsOneOf, "judge"),
    (judgement.Recorder, "sign"),
]


@pytest.mark.parametrize(("where", "what"), BREAKS,
                         ids=[what for _, what in BREAKS])
def test_h2_exception_inside_verification(
        cloud, host, monkeypatch, where, what):
    evidence = host.evidence(host.challenge())
    asked = host.ask(profile="gold")
    monkeypatch.setattr(where, what, broken)
    with pytest.raises(Broken):
        cloud.flows.attest(evidence, "agents", cloud.clock())
    with pytest.raises(Broken):
        asked.answer()
    monkeypatch.undo()
    assert cloud.flows.results.latest(r.Page(9)) == []
    assert nothing_released(cloud)
    # And the nonces are gone: nobody tries until it breaks the other way.
    with pytest.raises(errors.StaleEvidence):
        cloud.flows.attest(evidence, "agents", cloud.clock())
    with pytest.raises(errors.StaleEvidence):
        asked.answer()


@pytest.mark.parametrize("document", [
    None, {}, [], "gold", {"schema": 1, "require": []},
    {"schema": 1, "require": [{}]}, {"schema": 1, "require": [None]},
    {"schema": 1, "require": [{"any-of": []}]}])
def test_h3_empty_profiles_cannot_be_written(cloud, document):
    for write in (
            lambda: cloud.flows.profiles.create(
                name="empty", description="", document=document,
                projects=None, activate=True, user_id="operator",
                now=cloud.clock()),
            lambda: cloud.flows.profiles.add_version(
                "gold", document, activate=True, user_id="operator",
                now=cloud.clock()),
            lambda: cloud.flows.preview(document, None, cloud.clock())):
        with pytest.raises(errors.Invalid) as caught:
            write()
        assert caught.value.code is Code.PROFILE_INVALID
    with pytest.raises(errors.Unknown):
        cloud.flows.profiles.show("empty", None, cloud.clock())


@pytest.mark.parametrize(("profile", "code"), [
    (None, Code.RELEASE_NO_PROFILE), ("nosuch", Code.PROFILE_UNKNOWN),
    ("GOLD", Code.PROFILE_UNKNOWN), ("draft", Code.PROFILE_UNKNOWN)])
def test_h3_unknown_or_no_profile_refused(cloud, host, profile, code):
    cloud.profile("draft", activate=False)
    with pytest.raises(errors.Forbidden) as caught:
        host.release(profile=profile)
    assert caught.value.code is code
    assert nothing_released(cloud)


def test_h3_profile_whose_reference_values_are_gone_says_no(cloud, host):
    cloud.flows.reference_values.create(r.ReferenceSet(
        "boots", "digest", "measured", cloud.clock(), None,
        {"00" * 32: ()}))
    cloud.profile("boot", {"schema": 1, "require": [{"pcr": {
        "bank": "sha256", "index": 0, "reference_values": ["boots"]}}]})
    host.release(profile="boot")
    cloud.store.tables.reference_values.rows.clear()
    with pytest.raises(errors.Forbidden) as caught:
        host.release(profile="boot")
    assert caught.value.code is Code.RELEASE_NOT_AFFIRMING
    assert "cannot be applied" in str(caught.value)


def test_h3_profile_whose_reference_values_expired_says_no(cloud, host):
    until = cloud.clock() + cloud.settings.release_life
    cloud.flows.reference_values.create(r.ReferenceSet(
        "boots", "digest", "measured", cloud.clock(), until,
        {"00" * 32: ()}))
    cloud.profile("boot", {"schema": 1, "require": [{"pcr": {
        "bank": "sha256", "index": 0, "reference_values": ["boots"]}}]})
    (boot, _) = host.attest()
    assert boot.result.tier is TrustTier.AFFIRMING
    assert boot.result.expires_at == until
    cloud.clock.now = until
    (boot, _) = host.attest()
    assert boot.result.tier is TrustTier.NONE
    with pytest.raises(errors.Forbidden):
        host.release(profile="boot")


def test_h3_reference_values_made_anew_are_those_that_count(cloud, host):
    def create(value):
        cloud.tick(seconds=1)
        cloud.flows.reference_values.create(r.ReferenceSet(
            "boots", "digest", "measured", cloud.clock(), None,
            {value: ()}))
    create("00" * 32)
    cloud.profile("boot", {"schema": 1, "require": [{"pcr": {
        "bank": "sha256", "index": 0, "reference_values": ["boots"]}}]})
    assert host.attest()[0].result.tier is TrustTier.AFFIRMING
    cloud.store.tables.reference_values.rows.clear()
    create("11" * 32)
    assert host.attest()[0].result.tier is TrustTier.CONTRAINDICATED


def test_h5_a_host_has_no_clock_that_counts(cloud, host):
    """Times are the service's own; a TPM's clock only never goes back."""
    host.tpm.clock = 2 ** 60
    (stored,) = host.attest()
    assert stored.result.issued_at == cloud.clock()
    host.tpm.reboot()
    host.tpm.clock = 0
    (stored,) = host.attest()
    assert stored.result.issued_at == cloud.clock()


def test_nova_down_refused(cloud, host):
    cloud.nova.down = True
    asked = host.ask(profile="gold")
    with pytest.raises(errors.Unavailable) as caught:
        asked.answer()
    assert caught.value.code is Code.RELEASE_UNCONFIRMED
    assert asked.kept.code == "release.unconfirmed"
    assert nothing_released(cloud)


@pytest.mark.parametrize("down_for", [{}, {"key": True}, {"lease": True}])
def test_vault_down_refused(cloud, host, down_for):
    asked = {"profile": "gold"}
    if "key" in down_for:
        asked["key_id"] = cloud.key().id
    if "lease" in down_for:
        host.release(profile="gold")
    logged = cloud.store.tables.log.size()
    cloud.vault.down = True
    with pytest.raises(errors.Unavailable):
        host.release(**asked)
    assert cloud.store.tables.log.size() == logged


def test_secret_gone_from_the_vault_refused(cloud, host):
    key = cloud.key()
    cloud.vault.secrets.clear()
    asked = host.ask(profile="gold", key_id=key.id)
    with pytest.raises(errors.Unknown) as caught:
        asked.answer()
    assert caught.value.code is Code.KEY_CORRUPT
    assert asked.kept.code == "key.corrupt"
    assert nothing_released(cloud) or len(cloud.store.tables.keys.rows) == 1


def test_secrets_swapped_in_the_vault_refused(cloud, host):
    """A reference changed in the database leads to another's secret."""
    mine, other = cloud.key(), cloud.key("p2")
    rows = cloud.store.tables.keys.rows
    rows[mine.id] = r.Key(mine.id, mine.name, mine.purpose, mine.project_id,
                          mine.policy, other.vault_ref, mine.created_at)
    with pytest.raises(errors.Unknown) as caught:
        host.release(profile="gold", key_id=mine.id)
    assert caught.value.code is Code.KEY_CORRUPT


def test_second_secret_fails_and_the_first_is_forgotten(cloud, host):
    put = cloud.vault.put

    def once(material, context):
        if context.startswith("key/"):
            raise errors.Unavailable("the vault does not answer")
        return put(material, context)
    cloud.vault.put = once
    with pytest.raises(errors.Unavailable):
        host.release(profile="gold")
    assert cloud.vault.secrets == {}


@pytest.mark.parametrize("step", range(1, 3))
def test_h6_database_lost_between_two_steps_of_attestation(
        cloud, host, step):
    evidence = host.evidence(host.challenge())
    cloud.store.fail_at = cloud.store.units + step
    with pytest.raises(errors.Unavailable):
        cloud.flows.attest(evidence, "agents", cloud.clock())
    assert cloud.flows.results.latest(r.Page(9)) == []
    assert cloud.flows.attesters.find(host.id).counters is None
    if step > 1:
        with pytest.raises(errors.StaleEvidence):
            cloud.flows.attest(evidence, "agents", cloud.clock())


@pytest.mark.parametrize("step", range(1, 4))
def test_h6_database_lost_between_two_steps_of_a_release(cloud, host, step):
    key = cloud.key(launches=1)
    launch, _ = cloud.token()
    asked = host.ask(profile="gold", key_id=key.id, launch_id=launch.id)
    secrets = dict(cloud.vault.secrets)
    cloud.store.fail_at = cloud.store.units + step
    with pytest.raises(errors.Unavailable):
        asked.answer()
    tables = cloud.store.tables
    assert tables.log.size() == 0
    assert tables.leases.rows == {}
    assert tables.keys.rows == {key.id: key}
    assert tables.launches.rows[launch.id].instance_id is None
    assert cloud.vault.secrets == secrets
    if step > 1:
        with pytest.raises(errors.Refusal):
            asked.answer()
    # Nothing was used up: asked again, it is granted.
    host.release(profile="gold", key_id=key.id, launch_id=launch.id)


def test_h6_a_refusal_that_cannot_be_kept_is_still_a_refusal(cloud, host):
    asked = host.ask(profile="gold")
    cloud.nova.down = True
    cloud.store.fail_at = cloud.store.units + 3
    with pytest.raises(errors.Unavailable) as caught:
        asked.answer()
    assert caught.value.code is Code.RELEASE_UNCONFIRMED
    assert asked.kept.state is r.ReleaseState.OPEN
    with pytest.raises(errors.StaleEvidence):
        asked.answer()
