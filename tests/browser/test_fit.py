# SPDX-License-Identifier: Apache-2.0
"""What the dialog says of choices that do not fit together, and what not."""

from __future__ import annotations

import pytest

CALL = """([options, spec, wish]) => angular.element(document.body)
    .injector().get('horizon.dashboard.trusted-launch.fit')(
        options, spec, wish)"""
OPTIONS = {"available": True, "flavors": {"f-gold": "gold"}, "profiles": [
    {"name": "gold", "hosts": 2, "description": "", "version": 1},
    {"name": "idle", "hosts": 0, "description": "", "version": 1}]}
AWAY = {**OPTIONS, "available": False, "profiles": []}
IMAGE = {"type": "image"}


@pytest.fixture(scope="module")
def judge(cloud, browser):
    page = browser.new_page()
    page.goto(f"{cloud.url}/auth/login/")

    def call(options=OPTIONS, *, ticked=False, profile=None, flavor=None,
             source=None, **spec):
        return page.evaluate(CALL, [options, {
            "source_type": IMAGE, "instance_count": 1,
            "flavor": flavor and {"id": flavor},
            "source": [{"id": "i", "properties": source or {}}], **spec},
            {"ticked": ticked, "profile": profile}])

    yield call
    page.close()


def words(report):
    return " ".join(m["text"] for m in report["messages"])


def test_nothing_wished_is_nothing_said(judge):
    report = judge()
    assert not report["active"] and report["works"] and report["possible"]
    assert report["messages"] == []


def test_profile_with_hosts_fits(judge):
    report = judge(ticked=True, profile="gold")
    assert report["active"] and report["works"] and report["single"]
    assert report["profile"] == "gold" and report["messages"] == []


@pytest.mark.parametrize(("choice", "said"), [
    ({"ticked": True}, "Choose a profile"),
    ({"ticked": True, "profile": "gone"}, "not in force"),
    ({"source": {"trusted_launch_profile": "gone"}}, "not in force"),
    ({"flavor": "f-gold", "source": {"trusted_launch_profile": "idle"}},
     "demands the profile gold and the image the profile idle"),
    ({"flavor": "f-gold", "source_type": {"type": "volume"}},
     "nobody verifies a volume"),
    ({"flavor": "f-gold", "vol_create": True}, "without a new volume"),
])
def test_what_can_not_work_is_refused_in_words(judge, choice, said):
    report = judge(**choice)
    assert not report["works"]
    assert said in words(report)


def test_nobody_satisfies_is_a_warning(judge):
    report = judge(ticked=True, profile="idle")
    assert report["works"] and "No host satisfies" in words(report)


@pytest.mark.parametrize("kind", ["volume", "volume_snapshot"])
def test_volume_can_not_be_ticked_and_launches_as_ever(judge, kind):
    report = judge(ticked=True, profile="gold", source_type={"type": kind})
    assert not report["possible"] and not report["active"]
    assert report["works"]


def test_service_away_leaves_the_launch_alone(judge):
    report = judge(AWAY, ticked=True, profile="gold")
    assert report["works"] and not report["active"]


def test_service_away_is_said_to_who_needs_it(judge):
    report = judge(AWAY, flavor="f-gold")
    assert report["works"] and "does not answer" in words(report)


def test_key_without_profile_is_left_to_the_service(judge):
    report = judge(source={"trusted_launch_key_id": "k"})
    assert report["active"] and report["works"]
    assert report["profile"] is None and report["demanded"] == ["image"]


def test_more_than_one_instance_has_no_number(judge):
    report = judge(ticked=True, profile="gold", instance_count=3)
    assert report["works"] and not report["single"]
    assert "one instance only" in words(report)
