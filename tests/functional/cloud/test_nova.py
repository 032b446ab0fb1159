# SPDX-License-Identifier: Apache-2.0
"""The adapter for Nova, over HTTP, with Keystone's password and catalogue."""

from __future__ import annotations

import pytest
from oslo_config import cfg

from attestation_service import conf as options
from attestation_service import records as r
from attestation_service.cloud import nova, sessions
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from tests.fakes.nova_api import NovaApi
from tests.fixtures import http

PASSWORD = "secret"
CONF = """
[nova]
auth_type = password
auth_url = {url}/identity/v3
username = attestation
password = {password}
project_name = service
user_domain_id = default
project_domain_id = default
region_name = one
"""


@pytest.fixture
def api():
    made = NovaApi()
    with http.serving(made) as made.url:
        yield made


def configure(path, url, secret=PASSWORD):
    path.write_text(CONF.format(url=url, password=secret))
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], default_config_files=[str(path)])
    return conf


@pytest.fixture
def instances(api, tmp_path):
    return nova.from_conf(configure(tmp_path / "service.conf", api.url))


def refuses(instances, name="i1"):
    with pytest.raises(errors.Unavailable) as refused:
        instances.locate(name)
    assert refused.value.code is Code.RELEASE_UNCONFIRMED
    return str(refused.value)


def test_an_instance_is_where_nova_says(api, instances):
    api.server("i1", "host-a", image="image-1")
    api.move("i2", "host-a", "host-b", "migrating")
    assert instances.locate("i1") == r.Whereabouts(
        "i1", "project-1", "image-1", frozenset({"host-a"}))


def test_an_unknown_instance_is_nowhere(api, instances):
    assert instances.locate("i1") is None


def test_an_instance_without_image_or_host(api, instances):
    api.server("i1", None, image=None, state="building")
    assert instances.locate("i1") == r.Whereabouts(
        "i1", "project-1", None, frozenset())


@pytest.mark.parametrize("state", ["deleted"])
def test_a_deleted_instance_is_told(api, instances, state):
    api.server("i1", "host-a", image="image-1", state=state)
    assert instances.locate("i1").deleted


@pytest.mark.parametrize("status", [
    "accepted", "queued", "preparing", "pre-migrating", "migrating",
    "running", "post-migrating", "finished"])
def test_where_it_is_moving_to_counts(api, instances, status):
    api.server("i1", "host-a", image="image-1")
    api.move("i1", "host-x", "host-b", status)
    assert instances.locate("i1").hosts == {"host-a", "host-b"}


def test_where_it_is_coming_back_to_counts(api, instances):
    api.server("i1", "host-b", image="image-1", state="resized")
    api.move("i1", "host-a", "host-b", "reverting")
    assert instances.locate("i1").hosts == {"host-a", "host-b"}


@pytest.mark.parametrize("status", [
    "completed", "confirmed", "done", "reverted", "cancelled", "error",
    "failed"])
def test_e1_a_move_that_ended_does_not_count(api, instances, status):
    api.server("i1", "host-a", image="image-1")
    api.move("i1", "host-x", "host-b", status)
    assert instances.locate("i1").hosts == {"host-a"}


def test_a_move_without_a_destination_yet(api, instances):
    api.server("i1", "host-a", image="image-1")
    api.move("i1", "host-a", None, "queued")
    assert instances.locate("i1").hosts == {"host-a"}


@pytest.mark.parametrize("status", [400, 401, 403, 500, 503])
def test_h1_a_nova_that_fails_confirms_nothing(api, instances, status):
    api.server("i1", "host-a", image="image-1")
    api.broken = status
    refuses(instances)


def test_h1_a_nova_that_hides_hosts_confirms_nothing(api, instances):
    api.server("i1", "host-a", image="image-1")
    api.admin = False
    refuses(instances)


def test_h1_nova_is_down(tmp_path):
    refuses(nova.from_conf(configure(tmp_path / "conf",
                                     "http://127.0.0.1:9")))


def test_a_wrong_password_confirms_nothing(api, tmp_path):
    refuses(nova.from_conf(configure(tmp_path / "conf", api.url, "wrong")))


def test_the_nodes_of_a_host(api, instances):
    api.nodes = {"node-1": "host-a", "node-2": "host-b", "node-3": "host-a"}
    assert instances.nodes("host-a") == ["node-1", "node-3"]
    api.broken = 500
    with pytest.raises(errors.Unavailable):
        instances.nodes("host-a")


def test_a_group_without_auth_is_not_configured(tmp_path, api):
    conf = configure(tmp_path / "conf", api.url)
    assert sessions.configured(conf, "nova")
    assert not sessions.configured(conf, "placement")
