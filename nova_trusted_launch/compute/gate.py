# SPDX-License-Identifier: Apache-2.0
"""Decide whether an instance is trusted, and have its keys released.

Once trusted, always trusted: any one sign is enough, and taking the others
away changes nothing.  The signs are what flavor, image, metadata and hints
ask; the mark in the instance's system metadata; its encrypted disk on this
host; and the lease that the service keeps.

An instance without any sign of it, with a plain disk, starts as ever even
when the agent is down: nothing of it is secret from this host, and no key is
released for it.

Not decided here: whether the host is good enough.  The service does, on fresh
evidence.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from oslo_log import log as logging

from nova_trusted_launch import admission
from nova_trusted_launch.client import ClientError, Refused, Unavailable
from nova_trusted_launch.client.agent import ReleasedKeys
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.compute.session import Session
from nova_trusted_launch.wire.release import Action

LOG = logging.getLogger(__name__)
MARK = "trusted_launch"
_IMAGE = "image_"
_TRAIT = "trait:"
# These may bring another image or a token; later starts follow the lease.
_FIRST = frozenset({Action.SPAWN, Action.REBUILD})


class Agent(Protocol):
    """What the gate needs of ``client.agent.AgentClient``."""

    def release(self, instance_id: str, action: Action, *,
                profile: str | None, image_id: str | None,
                key_id: str | None, launch_id: str | None) -> ReleasedKeys:
        """Have the instance's keys released to this host."""

    def instance(self, instance_id: str) -> Mapping[str, Any] | None:
        """Return the instance's lease; None when it was never trusted."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Ask for a release before any trusted instance starts.

    ``lookup`` is the agent as well, with less patience: it is asked about
    instances that show no sign of trust.
    """

    agent: Agent
    lookup: Agent

    def signs(self, instance: Any, *, encrypted_disk: bool) -> bool:
        """Say whether the instance shows that it is trusted, on this host."""
        if encrypted_disk or MARK in instance.system_metadata:
            return True
        try:
            return _asked(instance, {}) is not None
        except admission.Contradiction:
            return True

    def asks(self, instance: Any, action: Action, *, encrypted_disk: bool,
             hints: Mapping[str, Any] | None = None
             ) -> admission.Requirement | None:
        """Return what a trusted instance asks for, None for another one.

        :raises TrustedLaunchRefused: it contradicts itself.
        """
        try:
            asked = _asked(instance, hints or {}, first=action in _FIRST)
        except admission.Contradiction as exc:
            raise TrustedLaunchRefused(exc.code, str(exc)) from exc
        if (asked is None and not encrypted_disk
                and MARK not in instance.system_metadata
                and not self._leased(instance, action)):
            return None
        return asked or admission.Requirement()

    def _leased(self, instance: Any, action: Action) -> bool:
        if action is Action.SPAWN:
            return False  # A new instance has no past.
        try:
            lease = self.lookup.instance(instance.uuid)
        except ClientError as exc:
            LOG.debug("Nobody says whether the instance has a lease (%s); "
                      "it shows no sign of it", exc, instance=instance)
            return False
        return lease is not None and lease.get("trusted") is not False

    def release(self, instance: Any, action: Action,
                asked: admission.Requirement) -> Session:
        """Have the keys of a trusted instance released to this host.

        :raises TrustedLaunchRefused: it gets none.
        """
        began = time.monotonic()
        try:
            keys = self.agent.release(
                instance.uuid, action, profile=asked.profile,
                image_id=instance.image_ref or None, key_id=asked.key_id,
                launch_id=asked.token if action in _FIRST else None)
        except (Refused, Unavailable) as exc:
            LOG.warning("Release for %s refused: %s", action.value, exc,
                        instance=instance)
            raise TrustedLaunchRefused(exc.code, exc.detail) from exc
        LOG.info("Released for %s in %.2f s: release %s, entry %s of the log",
                 action.value, time.monotonic() - began, keys.release_id,
                 keys.log_index, instance=instance)
        return Session(instance.uuid, action, keys)


def _asked(instance: Any, hints: Mapping[str, Any], *, first: bool = False
           ) -> admission.Requirement | None:
    image = {key.removeprefix(_IMAGE): value
             for key, value in instance.system_metadata.items()
             if key.startswith(_IMAGE)}
    traits = [key.removeprefix(_TRAIT) for key, value in image.items()
              if key.startswith(_TRAIT) and value == "required"]
    return admission.Requirement.read(
        instance.flavor.extra_specs or {}, image=image, image_traits=traits,
        hints=hints, metadata=instance.metadata if first else {})
