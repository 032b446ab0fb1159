# SPDX-License-Identifier: Apache-2.0
"""The operators' pages and the plugin's wiring."""

from __future__ import annotations

import importlib.util
import pathlib
import types

import pytest
import yaml
from django import http
from django.apps import apps
from django.conf import settings as django_settings
from django.template import loader
from django.utils import module_loading

from attestation_service import policies
from nova_trusted_launch.client import errors
from nova_trusted_launch.horizon import pages
from nova_trusted_launch.horizon import tabs
from nova_trusted_launch.horizon.hosts import tables as hosts_tables
from nova_trusted_launch.horizon.hosts import views as hosts_views
from nova_trusted_launch.horizon.profiles import forms
from nova_trusted_launch.horizon.profiles import tables as profiles_tables
from nova_trusted_launch.horizon.profiles import views as profiles_views
from nova_trusted_launch.wire.results import TrustTier

PLUGIN = pathlib.Path(hosts_views.__file__).parents[1]
ENABLED = sorted((PLUGIN / "enabled").glob("_[0-9]*.py"))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", ENABLED, ids=lambda path: path.stem)
def test_enabled_files_name_what_exists(path):
    found = load(path)
    named = [getattr(found, "ADD_PANEL", None)]
    for group in getattr(found, "EXTRA_TABS", {}).items():
        named += [group[0], *(name for _, name in group[1])]
    for name in filter(None, named):
        module_loading.import_string(name)
    for file in getattr(found, "ADD_SCSS_FILES", ()):
        assert (PLUGIN / "static" / file).is_file()


def test_there_are_enabled_files():
    assert len(ENABLED) == 3


def test_defaults_are_the_services_own():
    kept = yaml.safe_load(
        (PLUGIN / "conf" / "trusted_launch_defaults.yaml").read_text())
    assert {r["name"]: (r["check_str"], r["scope_types"]) for r in kept} == {
        r.name: (r.check_str, r.scope_types) for r in policies.list_rules()}


def test_policy_is_registered_and_an_operators_own_wins():
    assert apps.is_installed("nova_trusted_launch.horizon")
    assert pathlib.Path(
        django_settings.DEFAULT_POLICY_FILES["trusted_launch"]).is_file()
    assert "trusted_launch" in django_settings.POLICY_FILES


def view_of(kind, request, **kwargs):
    made = kind()
    made.setup(request, **kwargs)
    return made


@pytest.fixture
def hosts(service):
    service.add_host("host-a", labels={"zone": "1", "floor": "2"})
    service.add_host("host-p", state="pending", hardware=True)
    service.set_result("host-a", "gold")
    service.set_result("host-a", "iron", TrustTier.CONTRAINDICATED)
    return service


def test_hosts_are_shown_with_their_trust(hosts, request_of):
    view = view_of(hosts_views.IndexView, request_of())
    first, second = view.get_data()
    assert view.problem is None
    assert "gold v1: trusted" in first.trust
    assert "iron v1: not trusted" in first.trust
    assert first.labels == "floor=2, zone=1"
    assert (second.trust, second.age) == ("no result", "never")
    assert second.tpm == "hardware"


def test_hosts_of_an_absent_service_are_none_with_a_reason(
        absent, request_of):
    view = view_of(hosts_views.IndexView, request_of())
    assert view.get_data() == []
    assert "no attestation service" in view.problem["reason"]


def test_problem_is_said_on_the_page():
    text = loader.render_to_string("trusted_launch/_problem.html", {
        "problem": {"reason": "it <sleeps>", "code": "service.unavailable",
                    "action": "Wait.", "request_id": "req-1"}})
    assert 'role="alert"' in text and "it &lt;sleeps&gt;" in text
    assert "Wait." in text and "req-1" in text
    assert "alert" not in loader.render_to_string(
        "trusted_launch/_problem.html", {"problem": None})


def context_of(kind, request, **kwargs):
    return view_of(kind, request, **kwargs).get_context_data()


def test_host_is_explained_with_history(hosts, request_of):
    context = context_of(hosts_views.DetailView, request_of(),
                         host="host-a")
    gold, iron = sorted(context["results"], key=lambda r: r["profile"])
    assert (len(gold["bad"]), len(gold["good"])) == (0, 1)
    assert (len(iron["bad"]), len(iron["good"])) == (1, 0)
    text = loader.render_to_string("trusted_launch/_history.html", context)
    assert text.count("<svg") == len(context["history"]) == 2
    text = loader.render_to_string("trusted_launch/_findings.html", {
        "findings": iron["bad"]})
    assert "the test says contraindicated" in text


def test_unknown_host_is_not_found(hosts, request_of):
    with pytest.raises(http.Http404):
        context_of(hosts_views.DetailView, request_of(), host="nobody")


def test_host_of_a_service_away_keeps_its_name(hosts, request_of):
    hosts.state.failure = errors.Unavailable("it sleeps")
    context = context_of(hosts_views.DetailView, request_of(), host="a")
    assert context["host"] == {"host": "a"}
    assert context["problem"]["reason"] == "it sleeps"


def test_filter_finds_name_and_label(hosts, request_of):
    rows = view_of(hosts_views.IndexView, request_of()).get_data()
    keep = hosts_tables.Filter().filter
    assert [h.host for h in keep(None, rows, "ZONE=1")] == ["host-a"]
    assert [h.host for h in keep(None, rows, "host-P")] == ["host-p"]


@pytest.mark.parametrize(("action", "states"), [
    (hosts_tables.Approve, {"pending"}),
    (hosts_tables.Attest, {"approved"}),
    (hosts_tables.Retire, {"pending", "approved"})])
def test_action_is_offered_where_it_works(action, states):
    for state in ("pending", "approved", "retired"):
        host = types.SimpleNamespace(state=state)
        assert action().allowed(None, host) is (state in states)
    assert action().allowed(None) is True
    assert action.action_present(1) and action.action_past(2)
    assert action.policy_rules[0][1] in {
        r.name for r in policies.list_rules()}


def test_actions_do_what_they_say(hosts, request_of):
    pending = hosts.attester_show("host-p")["id"]
    hosts_tables.Approve().action(request_of(), pending)
    assert hosts.attester_show(pending)["state"] == "approved"
    hosts_tables.Attest().action(request_of(), pending)
    assert "attester_attest" in hosts.state.calls
    hosts_tables.Retire().action(request_of(), pending)
    assert hosts.attester_show(pending)["state"] == "retired"


def test_refused_action_is_told_with_what_to_do(
        hosts, request_of, monkeypatch):
    told = []
    monkeypatch.setattr(pages.messages, "error",
                        lambda request, text: told.append(text))
    with pytest.raises(errors.Refused):
        hosts_tables.Approve().action(request_of(), "nobody")
    assert "attester.unknown" in told[0] and "Enrol" in told[0]


@pytest.fixture
def gold(service, monkeypatch):
    monkeypatch.setattr(profiles_tables, "detail_url",
                        lambda profile, page="detail": f"/{profile}/{page}")
    service.profile_create("gold", {"schema": 1, "require": []},
                           description="good", activate=True)
    service.profile_version_create("gold", {"schema": 1, "require": ["x"]})
    return service


def test_profiles_are_listed(gold, request_of):
    row, = view_of(profiles_views.IndexView, request_of()).get_data()
    assert (row.name, row.version, row.hosts) == ("gold", 1, 0)
    assert row.projects == "everybody"
    keep = profiles_tables.Filter().filter
    assert keep(None, [row], "GOO") == [row] != keep(None, [row], "bad")


def test_profile_shows_its_document_and_versions(gold, request_of):
    context = context_of(profiles_views.DetailView, request_of(),
                         profile="gold")
    assert "schema: 1" in context["document"]
    assert [v["version"] for v in context["versions"]] == [2, 1]
    assert context["pages"]["diff"] == "/gold/diff"


@pytest.mark.parametrize(("query", "pair"), [
    ("", (1, 2)), ("?from=2&to=1", (2, 1)), ("?from=9&to=x", (1, 2)),
    ("?from=²&to=-1", (1, 2))])
def test_versions_are_compared(gold, request_of, query, pair):
    context = context_of(profiles_views.DiffView, request_of("/" + query),
                         profile="gold")
    assert (context["before"], context["after"]) == pair
    kinds = {line["kind"] for line in context["lines"]}
    assert {"added", "removed", "place"} <= kinds


def test_versions_of_a_service_away_are_none(gold, request_of):
    gold.state.failure = errors.Unavailable("it sleeps")
    context = context_of(profiles_views.DiffView, request_of(),
                         profile="gold")
    assert context["versions"] == [] and "lines" not in context
    assert context["problem"]


def test_preview_starts_with_the_document_in_force(gold, request_of):
    context = context_of(profiles_views.PreviewView, request_of(),
                         profile="gold")
    assert "schema: 1" in context["form"].initial["document"]
    assert "judged" not in context


def preview(request_of, **sent):
    request = request_of(data="{}")
    request.POST = sent
    view = view_of(profiles_views.PreviewView, request, profile="gold")
    view.get = lambda *args, **kwargs: view.get_context_data()
    return view.post(request)


def test_preview_says_what_becomes_worse(gold, request_of, monkeypatch):
    finding = {"tier": "contraindicated", "subject": "PCR 7"}
    monkeypatch.setattr(type(gold), "profile_preview", lambda *a: [
        {"host": "a", "before": "affirming", "after": "contraindicated",
         "findings": [finding, {"tier": "affirming"}]},
        {"host": "b", "before": None, "after": "affirming",
         "findings": []}])
    context = preview(request_of, document="schema: 1", host="")
    worse, better = context["changes"]
    assert worse["worse"] and not better["worse"]
    assert len(worse["findings"]) == 1
    assert "unknown" in better["before"]


@pytest.mark.parametrize("document", ["", "{", "- a", "3", "!!python/x y"])
def test_preview_wants_a_document(gold, request_of, document):
    context = preview(request_of, document=document, host="")
    assert context["form"].errors["document"]
    assert "profile_preview" not in gold.state.calls


def test_document_may_be_json():
    form = forms.PreviewForm({"document": '{"schema": 1}', "host": ""})
    assert form.is_valid()
    assert form.cleaned_data["document"] == {"schema": 1}


def test_retired_profile_has_no_document():
    assert profiles_views.text(None) == ""


def test_tab_is_an_empty_place_for_the_browser():
    tab = tabs.TrustedLaunchTab.__new__(tabs.TrustedLaunchTab)
    tab.tab_group = types.SimpleNamespace(kwargs={
        "instance": types.SimpleNamespace(id="i<", tenant_id="p")})
    text = loader.render_to_string(
        tab.template_name, tab.get_context_data(None))
    assert 'instance-id="i&lt;"' in text and 'project-id="p"' in text
