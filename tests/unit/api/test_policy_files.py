# SPDX-License-Identifier: Apache-2.0
"""Operators change policy in a file; the change counts soon after."""

from __future__ import annotations

import pytest
from oslo_config import cfg
from oslo_context import context

from attestation_service import conf as options
from attestation_service import policies
from attestation_service.api import auth

RULE = "trusted_launch:attesters:approve"
PUBLIC = "trusted_launch:jwks:show"
ADMIN = context.RequestContext(user_id="u", project_id="p", roles=["admin"])
OTHER = context.RequestContext(user_id="u", project_id="p", roles=["boss"])
NOBODY = context.RequestContext()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "policy.yaml"


@pytest.fixture
def access(path, monkeypatch):
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], project="attestation-service", default_config_files=[])
    enforcer = auth.Enforcer(conf, policy_file=str(path))
    conf.set_override("policy_file", str(path), "oslo_policy")
    enforcer.register_defaults(policies.list_rules())
    # As if each question came a second after the one before.
    monkeypatch.setattr(auth.Enforcer, "_interval", 0.0)
    return auth.Access(enforcer)


def test_a_file_may_give_to_others_and_take_away(access, path):
    assert access.allows(RULE, ADMIN)
    assert not access.allows(RULE, OTHER)
    path.write_text(f'"{RULE}": "role:boss"\n')
    assert not access.allows(RULE, ADMIN)
    assert access.allows(RULE, OTHER)


def test_no_file_opens_a_route_to_nobody(access, path):
    path.write_text(f'"{RULE}": "@"\n')
    assert access.allows(RULE, OTHER)
    assert not access.allows(RULE, NOBODY)


def test_what_is_public_can_be_closed(access, path):
    assert access.allows(PUBLIC, NOBODY)
    path.write_text(f'"{PUBLIC}": "role:reader"\n')
    assert not access.allows(PUBLIC, NOBODY)


def test_files_are_looked_for_once_a_second(access, path, monkeypatch):
    monkeypatch.setattr(auth.Enforcer, "_interval", 3600.0)
    assert access.allows(RULE, ADMIN)
    path.write_text(f'"{RULE}": "role:boss"\n')
    assert access.allows(RULE, ADMIN)
