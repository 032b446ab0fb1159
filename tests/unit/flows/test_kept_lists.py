# SPDX-License-Identifier: Apache-2.0
"""Evidence is kept with its whole IMA list, asked for when that is due."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from attestation_service.flows.memory import Memory
from nova_trusted_launch.wire.evidence import Evidence
from tests.fakes.cloud import Cloud
from tests.unit.flows.listing import (
    files, knowing_cloud, length, listing_host, references)


@pytest.fixture
def cloud():
    return knowing_cloud()


@pytest.fixture
def host(cloud):
    return listing_host(cloud)


def test_kept_evidence_is_always_whole(cloud, host):
    host.attest()
    host.measure("/bin/b", b"B")
    host.attest()
    assert len(cloud.flows.attesters.evidence(host.id)) == 1
    interval = cloud.settings.keep_interval
    now = cloud.tick(seconds=interval.total_seconds())
    assert host.challenge().ima_offset == 0
    host.attest()
    kept = cloud.flows.attesters.evidence(host.id)
    assert [k.received_at for k in kept] == [now, now - interval]
    assert all(Evidence.from_bytes(k.envelope).ima_offset == 0
               for k in kept)
    assert host.challenge().ima_offset == length(host)


def test_news_in_a_part_has_all_of_it_sent_and_kept(cloud, host):
    host.attest()
    host.measure("/bin/b", b"evil")
    host.attest()
    assert host.challenge().ima_offset == 0
    cloud.tick(seconds=1)
    host.attest()
    kept = cloud.flows.attesters.evidence(host.id)
    assert len(kept) == 2
    assert Evidence.from_bytes(kept[0].envelope).ima_log == host.ima.dump()


def test_without_keeping_a_list_is_never_asked_for_again():
    cloud = Cloud(kept_evidence=0)
    references(cloud)
    cloud.profile(document=files("base"))
    host = cloud.host()
    host.measure("/bin/a", b"A")
    host.attest()
    cloud.tick(days=365)
    assert host.challenge().ima_offset == length(host)


def test_keeping_is_due_after_the_interval():
    settings = Cloud().settings
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert Memory().keeping_is_due(settings, now)
    kept = Memory(kept_at=now)
    assert kept.keeping_is_due(settings, now + settings.keep_interval)
    assert not kept.keeping_is_due(
        settings, now + settings.keep_interval
        - datetime.timedelta(microseconds=1))
    never = dataclasses.replace(settings, kept_evidence=0)
    assert not Memory().keeping_is_due(never, now)
