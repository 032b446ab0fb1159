# SPDX-License-Identifier: Apache-2.0
"""Nova's libvirt driver with a gate on every way to power.

A trusted instance starts only inside :meth:`_started`, which only a release
opens; the one place where Nova creates a guest (``_create_guest``) refuses it
otherwise, so a path that nobody thought of ends there.

Instances without any sign of trust pass through to Nova's driver unchanged.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

from nova import exception
from nova.compute import power_state
from nova.virt.libvirt import driver as libvirt_driver
from nova.virt.libvirt import utils as libvirt_utils
from oslo_log import log as logging

import nova.conf
from nova_trusted_launch import admission
from nova_trusted_launch.client import ClientError
from nova_trusted_launch.client.agent import AgentClient
from nova_trusted_launch.compute import disks, ended, refusal, starts, tmpfs
from nova_trusted_launch.compute.bases import Bases
from nova_trusted_launch.compute.configdrive import ConfigDrives
from nova_trusted_launch.compute.gate import MARK, Gate
from nova_trusted_launch.compute.imagecache import TrustedImageCacheManager
from nova_trusted_launch.compute.keeping import Keeping
from nova_trusted_launch.compute.live import LiveMoves
from nova_trusted_launch.compute.moves import Moves
from nova_trusted_launch.compute.paths import RefusedPaths
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.compute.secrets import Secrets
from nova_trusted_launch.compute.session import Session, Sessions
from nova_trusted_launch.conf import trusted_launch as options
from nova_trusted_launch.wire.release import Action

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)


class LibvirtDriver(RefusedPaths, Moves, LiveMoves, Keeping,
                    libvirt_driver.LibvirtDriver):
    """``[DEFAULT] compute_driver = trusted_launch.LibvirtDriver``."""

    def __init__(self, virtapi: Any, read_only: bool = False) -> None:
        super().__init__(virtapi, read_only)
        options.register_opts(CONF)
        self._options = CONF[options.GROUP]
        socket = self._options.agent_socket
        self._agent = AgentClient(socket, self._options.agent_timeout)
        self._gate = Gate(self._agent, AgentClient(
            socket, self._options.lookup_timeout))
        self._sessions = Sessions()
        self._pending: dict[str, Session] = {}
        self._secrets = Secrets(self._host)
        self._config_drives = ConfigDrives(self._options.private_path)
        self._bases = Bases(self._image_api,
                            self._options.max_pbkdf_iterations)
        self.image_cache_manager = TrustedImageCacheManager()
        self.image_backend = disks.TrustedBackend(
            CONF.use_cow_images, bases=self._bases, sessions=self._sessions,
            trusted=self.trusted, private_path=self._config_drives.path)

    def init_host(self, host: str) -> None:
        """Start, and remove what a killed process left behind."""
        super().init_host(host)
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

    # Signs of trust, and the gate.

    def trusted(self, instance: Any) -> bool:
        """Say whether the instance shows any sign of trust on this host."""
        return self._gate.signs(
            instance, encrypted_disk=self._has_encrypted_disk(instance))

    def _has_encrypted_disk(self, instance: Any) -> bool:
        return disks.encrypted(os.path.join(
            libvirt_utils.get_instance_path(instance), disks.ROOT))

    def _asks(self, instance: Any, action: Action,
              hints: Any = None) -> admission.Requirement | None:
        return self._gate.asks(
            instance, action, hints=hints,
            encrypted_disk=self._has_encrypted_disk(instance))

    def _demand_fit_host(self) -> None:
        tmpfs.demand(self._options.libvirt_state_path)
        self._config_drives.demand_memory()

    def _released(self, instance: Any, action: Action,
                  asked: admission.Requirement) -> Session:
        """Get a session, and mark the instance as trusted for ever."""
        self._demand_fit_host()
        if action is Action.AUTO_RESUME:
            self._wait_for_agent()
        session = self._gate.release(instance, action, asked)
        if MARK not in instance.system_metadata or not instance.config_drive:
            instance.system_metadata.setdefault(MARK, asked.profile or "yes")
            # Nonce and receipt have no other way into the guest.
            instance.config_drive = True
            instance.save()
        return session

    def _wait_for_agent(self) -> None:
        """After a boot of the host the agent may start later than we do."""
        until = time.monotonic() + self._options.boot_wait
        while time.monotonic() < until:
            try:
                self._agent.status()
            except ClientError:
                time.sleep(1)
            else:
                return

    @contextlib.contextmanager
    def _started(self, instance: Any, session: Session) -> Iterator[None]:
        """Hold the session while the guest is made; clean up if it is not."""
        with self._sessions.held(session):
            try:
                yield
            except BaseException:
                self._forget(instance)
                raise

    def _forget(self, instance: Any) -> None:
        """Remove what only a running guest needs."""
        self._secrets.forget(instance.uuid)
        if not self._runs(instance):
            self._config_drives.forget(instance.uuid)

    def _runs(self, instance: Any) -> bool:
        try:
            guest = self._host.get_guest(instance)
            return guest.get_power_state(self._host) in (
                power_state.RUNNING, power_state.PAUSED)
        except (exception.InternalError, exception.InstanceNotFound):
            return False

    # Ways to power.

    def spawn(self, context: Any, instance: Any, *args: Any,
              block_device_info: Any = None, **kwargs: Any) -> None:
        """Build an instance; a trusted one after its release."""
        try:
            session = self._pending.pop(instance.uuid, None)
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
            raise refusal.of_build(exc, instance.uuid) from exc

    def _spawn_session(self, context: Any, instance: Any,
                       block_device_info: Any) -> Session | None:
        action = starts.spawn_action(instance)
        hints = (starts.hints(context, instance)
                 if action is Action.SPAWN else None)
        asked = self._asks(instance, action, hints)
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
                self._pending[instance.uuid] = self._released(
                    instance, action, asked)
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

    def _create_guest(self, context: Any, xml: str, instance: Any,
                      **kwargs: Any) -> Any:
        session = self._sessions.find(instance.uuid)
        if session is None:
            if kwargs.get("power_on", True) or kwargs.get("pause", False):
                self._refuse(instance, "nobody released it for this start")
            return super()._create_guest(context, xml, instance, **kwargs)
        with self._secrets.lent(session):
            return super()._create_guest(context, xml, instance, **kwargs)

    def _create_configdrive(self, context: Any, instance: Any,
                            injection_info: Any, rescue: bool = False
                            ) -> None:
        session = self._sessions.find(instance.uuid)
        if session is None:
            super()._create_configdrive(context, instance, injection_info,
                                        rescue)
            return
        instance.device_metadata = self._build_device_metadata(
            context, instance)
        self._config_drives.build(
            instance, session, injection_info.network_info,
            files=injection_info.files,
            admin_pass=injection_info.admin_pass, rescue=rescue)
