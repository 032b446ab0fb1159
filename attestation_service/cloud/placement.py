# SPDX-License-Identifier: Apache-2.0
"""Tell Placement, by traits, which hosts satisfy which profile.

A hint that narrows the scheduler's candidates; traits that others set stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from keystoneauth1 import adapter
from oslo_config import cfg
from oslo_log import log as logging

from attestation_service.cloud import sessions
from attestation_service.core import errors

LOG = logging.getLogger(__name__)

GROUP = "placement"
# Providers by name, and traits.
_VERSION = "1.6"
_TRIES = 5
_CONFLICT = 409
_NOT_FOUND = 404


def trait_of(profile: str) -> str:
    """Return the trait of a profile, as the scheduler filter spells it."""
    return "CUSTOM_TRUSTED_LAUNCH_" + re.sub(
        "[^A-Z0-9_]", "_", profile.upper())


class PlacementTraits:
    """See :class:`attestation_service.ports.Traits`.

    ``nodes`` gives the names of a host's resource providers when none is
    called like the host.
    """

    def __init__(self, placement: adapter.Adapter,
                 nodes: Callable[[str], Sequence[str]] | None = None) -> None:
        self._placement = placement
        self._nodes = nodes
        self._providers: dict[str, list[str]] = {}
        self._traits: set[str] = set()

    def publish(self, host: str, affirming: Iterable[str],
                known: Iterable[str]) -> None:
        """Set and take away traits of a host."""
        wanted = {trait_of(profile) for profile in affirming}
        unwanted = {trait_of(profile) for profile in known} - wanted
        try:
            for trait in wanted - self._traits:
                self._ask("PUT", f"/traits/{trait}")
                self._traits.add(trait)
            providers = self._find(host)
            for provider in providers:
                if not self._set(provider, wanted, unwanted):
                    # Made anew under the same name: found next time.
                    self._providers.pop(host, None)
        except sessions.FAILED as exc:
            raise errors.Unavailable("Placement does not answer") from exc

    def _find(self, host: str) -> list[str]:
        if not self._providers.get(host):
            names = [host]
            found = self._named(names)
            if not found and self._nodes is not None:
                found = self._named(self._nodes(host))
            if not found:
                LOG.info("Placement knows no provider of host %s", host)
            self._providers[host] = found
        return self._providers[host]

    def _named(self, names: Iterable[str]) -> list[str]:
        answers = [self._ask("GET", "/resource_providers",
                             params={"name": name}) for name in names]
        return [provider["uuid"] for answer in answers
                for provider in answer.json()["resource_providers"]]

    def _set(self, provider: str, wanted: set[str],
             unwanted: set[str]) -> bool:
        """Return False when there is no such provider."""
        url = f"/resource_providers/{provider}/traits"
        for _ in range(_TRIES):
            now = self._ask("GET", url)
            if now.status_code == _NOT_FOUND:
                return False
            there = set(now.json()["traits"])
            traits = (there - unwanted) | wanted
            if traits == there:
                return True
            done = self._ask("PUT", url, json={
                "resource_provider_generation":
                    now.json()["resource_provider_generation"],
                "traits": sorted(traits)})
            if done.status_code != _CONFLICT:
                return done.status_code != _NOT_FOUND
            # Somebody else, such as nova-compute, came first: look again.
        raise errors.Unavailable(f"provider {provider} changes all the time")

    def _ask(self, method: str, url: str, **more: Any) -> Any:
        response = self._placement.request(
            url, method, raise_exc=False, microversion=_VERSION,
            headers={"Accept": "application/json"}, **more)
        if response.status_code >= 400 and response.status_code not in {
                _CONFLICT, _NOT_FOUND}:
            raise errors.Unavailable(
                f"Placement answers {response.status_code}")
        return response


def from_conf(conf: cfg.ConfigOpts,
              nodes: Callable[[str], Sequence[str]] | None = None
              ) -> PlacementTraits:
    """Return the Placement that ``[placement]`` names."""
    return PlacementTraits(sessions.make_adapter(conf, GROUP), nodes)
