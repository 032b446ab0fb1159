# SPDX-License-Identifier: Apache-2.0
"""Nova's libvirt driver with a gate on every way to power.

Instances without any sign of trust pass through to Nova's driver unchanged.
What is asked is in ``gate``, what must be held in ``gated``; here are the
ways in which Nova builds and starts instances on this host.
"""

from __future__ import annotations

from typing import Any

from oslo_log import log as logging

import nova.conf
from nova_trusted_launch.compute import (
    disks,
    ended,
    hints,
    refusal,
    starts,
    tmpfs,
)
from nova_trusted_launch.compute.paths import RefusingDriver
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.compute.session import Session
from nova_trusted_launch.wire.release import Action

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)


class LibvirtDriver(RefusingDriver):
    """``[DEFAULT] compute_driver = trusted_launch.LibvirtDriver``."""

    def init_host(self, host: str) -> None:
        """Start, and remove what a killed process left behind."""
        super().init_host(host)
        self._last_words.listen(self.virtapi)
        hints.listen(self.virtapi)
        swept = self._secrets.sweep()
        if swept:
            LOG.warning("Removed %d secrets of an earlier process", swept)
        told = ended.explain(host, self.trusted)
        if told:
            LOG.warning("%d builds ended with an earlier process", told)
        running = {guest.UUIDString() for guest
                   in self._host.list_instance_domains(only_running=True)}
        for uuid in self._config_drives.known():
            if uuid not in running:
                self._config_drives.forget(uuid)
        try:
            self._demand_fit_host()
        except TrustedLaunchRefused as exc:
            LOG.error("Trusted instances will not start here: %s", exc)
        for device in tmpfs.swap_devices():
            LOG.warning("Guests' memory may be swapped out to %s: encrypt "
                        "it, or turn swap off", device)

    def spawn(self, context: Any, instance: Any, *args: Any,
              block_device_info: Any = None, **kwargs: Any) -> None:
        """Build an instance; a trusted one after its release."""
        try:
            session = self._sessions.take(instance.uuid)
            if session is None:
                session = self._spawn_session(
                    context, instance, block_device_info)
            kwargs["block_device_info"] = block_device_info
            if session is None:
                super().spawn(context, instance, *args, **kwargs)
                return
            with self._started(instance, session):
                super().spawn(context, instance, *args, **kwargs)
        except TrustedLaunchRefused as exc:
            LOG.warning("Build refused: %s", exc, instance=instance)
            if exc.other_host_may_do:
                self._last_words.note(instance.uuid, exc)
            raise refusal.of_build(exc, instance.uuid) from exc

    def _spawn_session(self, context: Any, instance: Any,
                       block_device_info: Any) -> Session | None:
        action = starts.spawn_action(instance)
        wished = (hints.of(context, instance)
                  if action is Action.SPAWN else None)
        asked = self._asks(instance, action, wished)
        if asked is None:
            return None
        starts.demand_supported(
            instance, self._is_booted_from_volume(block_device_info))
        return self._released(instance, action, asked)

    def rebuild(self, context: Any, instance: Any, *args: Any,
                evacuate: bool = False, block_device_info: Any = None,
                **kwargs: Any) -> None:
        """Ask before Nova destroys the old disk, then let it rebuild."""
        action = Action.EVACUATE if evacuate else Action.REBUILD
        try:
            asked = self._asks(instance, action)
            if asked is not None:
                starts.demand_supported(instance, self._is_booted_from_volume(
                    block_device_info))
                self._sessions.keep(self._released(instance, action, asked))
        except TrustedLaunchRefused as exc:
            raise refusal.unchanged(exc) from exc
        # Nova goes on with destroy and spawn, which takes the session.
        raise NotImplementedError

    def power_on(self, *args: Any, **kwargs: Any) -> None:
        """Start a stopped instance."""
        with starts.because(Action.POWER_ON):
            super().power_on(*args, **kwargs)

    def reboot(self, context: Any, instance: Any, network_info: Any,
               reboot_type: str, *args: Any, **kwargs: Any) -> None:
        """Reboot; a trusted instance always by way of a release.

        Nova's soft reboot starts the domain again, which needs the keys.
        """
        soft = (reboot_type == "SOFT"
                and self._asks(instance, Action.REBOOT) is not None)
        with starts.because(Action.REBOOT, soft=soft):
            super().reboot(context, instance, network_info,
                           "HARD" if soft else reboot_type, *args, **kwargs)

    def resume_state_on_host_boot(self, *args: Any, **kwargs: Any) -> None:
        """Start an instance that ran before the host was booted."""
        with starts.because(Action.AUTO_RESUME):
            super().resume_state_on_host_boot(*args, **kwargs)

    def _hard_reboot(self, context: Any, instance: Any, network_info: Any,
                     *args: Any, **kwargs: Any) -> None:
        start = starts.START.get()
        asked = self._asks(instance, start.action)
        if asked is None:
            super()._hard_reboot(context, instance, network_info, *args,
                                 **kwargs)
            return
        # Everything that can refuse comes before the old guest goes.
        session = self._released(instance, start.action, asked)
        with self._started(instance, session):
            self.image_backend.by_name(instance, disks.ROOT).base(
                context, instance.image_ref)
            if start.soft:
                self._clean_shutdown(
                    instance, CONF.libvirt.wait_soft_reboot_seconds, 5)
            self._config_drives.build(instance, session, network_info)
            super()._hard_reboot(context, instance, network_info, *args,
                                 **kwargs)
