# SPDX-License-Identifier: Apache-2.0
"""What the pages ask of the attestation service and of Nova, as the user.

In: a Django request with its user.  Out: JSON values for the pages.  A
service that is absent or away is a value as well, with its reason in words:
no page depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _
from horizon import exceptions
from openstack_dashboard.api import _nova
from openstack_dashboard.api import base

from nova_trusted_launch import admission
from nova_trusted_launch.client import errors
from nova_trusted_launch.client import tokens
from nova_trusted_launch.client import trust
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.client.http import SERVICE_TYPE
from nova_trusted_launch.wire.codes import Code

Json = dict[str, Any]
# A person waits: shorter than the service's own patience.  The setting
# TRUSTED_LAUNCH_TIMEOUT says otherwise.
_TIMEOUT = 10.0
# The first microversion in which Nova lists flavors with extra specs.
_EXTRA_SPECS = "2.61"
# Seconds.
_FLAVORS_COUNT = 60
# Entries of one request about many instances, and requests at most.
_PAGE, _PAGES = 200, 5


def client(request: Any) -> TrustedLaunchClient:
    """Return the service's client with the user's token.

    :raises Unavailable: the user's catalogue has no such service.
    """
    try:
        url = base.url_for(request, SERVICE_TYPE)
    except exceptions.ServiceCatalogException as exc:
        raise errors.Unavailable(
            _("This cloud has no attestation service."), action=_(
                "Ask the operator; instances are launched as ever.")
        ) from exc
    verify = settings.OPENSTACK_SSL_CACERT or True
    if settings.OPENSTACK_SSL_NO_VERIFY:
        verify = False
    return tokens.from_token(url, request.user.token.id, verify=verify,
                             timeout=getattr(
                                 settings, "TRUSTED_LAUNCH_TIMEOUT", _TIMEOUT))


def problem(exc: errors.ClientError) -> Json:
    """Describe a refusal to the browser."""
    return {"code": str(exc.code), "reason": exc.detail,
            "action": exc.action, "request_id": exc.request_id}


def options(request: Any) -> Json:
    """Gather what the launch dialog needs, in one answer.

    ``profiles`` are those that the project may use; ``flavors`` maps the ids
    of flavors to the profile that they demand.
    """
    try:
        found = client(request).profiles_list()
    except errors.ClientError as exc:
        return {"available": False, "profiles": [], "problem": problem(exc),
                "flavors": _flavor_profiles(request)}
    profiles = [
        {"name": p["name"], "description": p["description"],
         "version": p["active_version"], "hosts": p["hosts_affirming"]}
        for p in found if p["active_version"]]
    return {"available": True, "profiles": profiles, "problem": None,
            "flavors": _flavor_profiles(request)}


def _flavor_profiles(request: Any) -> Json:
    """Return the profile of each flavor that demands one, {} when unknown.

    What Nova said counts for a minute: flavors change seldom, and a dialog is
    opened often.
    """
    key = (f"trusted_launch:flavors:{request.user.services_region}:"
           f"{request.user.project_id}")
    known = cache.get(key)
    if known is None:
        known = _ask_flavors(request)
        if known is not None:
            cache.set(key, known, _FLAVORS_COUNT)
    return known or {}


def _ask_flavors(request: Any) -> Json | None:
    try:
        flavors = _nova.novaclient(request, _EXTRA_SPECS).flavors.list()
    except Exception:  # Nova's client has no common ancestor of its errors.
        exceptions.handle(request, ignore=True)
        return None
    specs = {f.id: f.to_dict().get("extra_specs", {}) for f in flavors}
    return {name: spec[admission.EXTRA_SPEC] for name, spec in specs.items()
            if admission.EXTRA_SPEC in spec}


def create_launch(request: Any, profile: str, nonce: bytes | None,
                  image_id: str | None) -> Json:
    """Create a launch token; its nonce never comes back from here."""
    made = client(request).launch_create(
        profile, nonce=nonce, image_id=image_id)
    return {name: made[name] for name in ("id", "profile", "expires_at")}


def instance(request: Any, instance_id: str) -> Json:
    """Gather what is known of an instance, with the newest receipt's proof.

    Nothing is judged here: the browser checks the signatures and the proof.
    """
    empty: Json = {"available": True, "problem": None, "lease": None,
                   "releases": [], "receipts": [], "jwks": None,
                   "checkpoint": None, "proof": None}
    try:
        service = client(request)
        lease = service.instance_show(instance_id)
        releases = service.releases_list(instance_id=instance_id, limit=10)
        receipts = service.receipts_list(instance_id=instance_id, limit=50)
        found = {**empty, "lease": lease, "releases": releases,
                 "receipts": receipts}
        if receipts:
            found["jwks"] = service.jwks()
            found["checkpoint"] = service.checkpoint()
            found["proof"] = _proof(service, found["jwks"], receipts[0],
                                    found["checkpoint"])
        return found
    except errors.ClientError as exc:
        return {**empty, "available": False, "problem": problem(exc)}


def _proof(service: TrustedLaunchClient, jwks: Json, receipt: Json,
           checkpoint: str) -> Json | None:
    try:
        size = trust.Verifier(jwks).checkpoint(checkpoint).size
    except trust.Untrusted:
        return None  # The browser says what is wrong with it.
    return service.log_inclusion(receipt["index"], size)


def inclusion(request: Any, index: int, size: int) -> Json:
    """Fetch the proof of one more receipt."""
    return client(request).log_inclusion(index, size)


def consistency(request: Any, first: int, second: int) -> Json:
    """Fetch the proof that the log only grew."""
    return client(request).log_consistency(first, second)


def marks(request: Any, wanted: Iterable[str]) -> Json:
    """Say of many instances which have receipts, and which were refused."""
    ids = set(wanted)
    try:
        service = client(request)
        trusted = _times(service.receipts_list, ids)
        refused = _times(service.releases_list, ids - set(trusted),
                         state="refused")
    except errors.ClientError as exc:
        return {"available": False, "problem": problem(exc), "marks": {}}
    return {"available": True, "problem": None, "marks": {
        **{i: {"state": "refused", **e} for i, e in refused.items()},
        **{i: {"state": "trusted", **e} for i, e in trusted.items()}}}


def _times(listing: Callable[..., list[Json]], ids: set[str],
           **query: Any) -> dict[str, Json]:
    """Find the newest entry of each instance, as far as we look."""
    found: dict[str, Json] = {}
    marker = None
    for _number in range(_PAGES):
        if not ids - set(found):
            break
        page = listing(limit=_PAGE, marker=marker, **query)
        for entry in page:
            if entry["instance_id"] in ids:
                found.setdefault(entry["instance_id"], {
                    "since": entry["created_at"],
                    "code": entry.get("code"),
                    "advice": entry.get("advice")})
        if len(page) < _PAGE:
            break
        last = page[-1]
        marker = last["index"] if "index" in last else last["id"]
    return found


def not_found(exc: errors.ClientError) -> bool:
    """Say whether the service knows of no such thing."""
    return exc.code in {Code.ATTESTER_UNKNOWN, Code.PROFILE_UNKNOWN,
                        Code.REQUEST_NOT_FOUND}
