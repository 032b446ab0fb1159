# SPDX-License-Identifier: Apache-2.0
"""The Tempest plugin, without a cloud."""

from __future__ import annotations

import ast
import configparser
import importlib
import pathlib
import re

import pytest
from oslo_config import cfg
from oslo_context import context
from oslo_policy import policy

from attestation_service.api import auth
from attestation_service.api.routes import ROUTES
from attestation_service.policies import list_rules
from nova_trusted_launch.tempest import access, client, config, plugin

ROOT = pathlib.Path(__file__).parents[3]
TESTS = sorted((ROOT / "nova_trusted_launch" / "tempest").rglob("test_*.py"))


def caller(persona):
    """Whom Keystone would say it is; roles imply others there."""
    roles = {access.ADMIN: ["admin", "member", "reader"],
             access.MEMBER: ["member", "reader"], access.READER: ["reader"],
             access.SYSTEM_READER: ["reader"], access.SERVICE: ["service"]}
    system = {"system_scope": "all"} if (
        persona == access.SYSTEM_READER) else {"project_id": "a-project"}
    return context.RequestContext(user_id="somebody", roles=roles[persona],
                                  **system)


@pytest.fixture(scope="module")
def rules():
    enforcer = policy.Enforcer(cfg.ConfigOpts())
    enforcer.conf([], default_config_files=[])
    enforcer.register_defaults(list_rules())
    return auth.Access(enforcer)


def test_table_of_access_has_every_route():
    assert ({(o.method, o.path) for o in access.OPERATIONS}
            == {(r.method, r.path) for r in ROUTES})


@pytest.mark.parametrize("persona", sorted(access.AUTHENTICATED))
def test_table_of_access_is_the_default_policy(rules, persona):
    policies = {(r.method, r.path): r.policy for r in ROUTES}
    assert ({o for o in access.OPERATIONS if persona in o.allowed}
            == {o for o in access.OPERATIONS if rules.allows(
                policies[o.method, o.path], caller(persona))})


def test_requests_of_the_table_name_nothing_of_the_cloud():
    for operation in access.OPERATIONS:
        assert "{" not in operation.url
        assert operation.body in (None, access.NO_BODY_OF_OURS)


def test_every_option_says_what_it_does():
    for option in (config.SERVICE_AVAILABLE, *config.OPTIONS):
        assert len(option.help) > 40, option.name


def test_plugin_registers_its_options():
    conf = cfg.ConfigOpts()
    conf.register_group(cfg.OptGroup("service_available"))
    plugin.TrustedLaunchPlugin().register_opts(conf)
    conf([], default_config_files=[])
    assert conf.service_available.trusted_launch is False
    assert conf.trusted_launch.catalog_type == "host-attestation"
    assert dict(plugin.TrustedLaunchPlugin().get_opt_lists()).keys() == {
        "service_available", "trusted_launch"}


def test_entry_point_names_the_plugin():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    points = dict(line.split(" = ") for line in setup["entry_points"][
        "tempest.test_plugins"].strip().split("\n"))
    module, _, name = points["trusted_launch"].partition(":")
    found = getattr(importlib.import_module(module), name)
    assert found is plugin.TrustedLaunchPlugin
    folder, top = found().load_tests()
    assert pathlib.Path(folder).relative_to(top) == pathlib.Path(
        "nova_trusted_launch", "tempest")


def decorated():
    for path in TESTS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith(
                    "test_"):
                yield path.name, node


def test_every_test_has_an_id_of_its_own():
    ids = []
    for name, node in decorated():
        found = re.findall(r"idempotent_id\('([0-9a-f-]{36})'\)", " ".join(
            ast.unparse(d) for d in node.decorator_list))
        assert len(found) == 1, (name, node.name)
        ids += found
    assert len(ids) == len(set(ids)) > 80


def test_answer_without_a_refusal_has_no_code():
    assert client.Answer(200, {}, {"errors": [{"code": "x"}]}).code == ""
    assert client.Answer(404, {}, None).code == ""
    assert client.Answer(404, {}, {"errors": [{"code": "x"}]}).code == "x"
