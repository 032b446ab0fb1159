# SPDX-License-Identifier: Apache-2.0
"""The one place where a guest is created, behind the gate.

A trusted instance starts only inside :meth:`GatedDriver._started`, which only
a release opens.  ``_create_guest`` is where Nova creates every guest: it
refuses a trusted instance outside, so a path that nobody thought of ends
there.
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

import nova.conf
from nova_trusted_launch import admission
from nova_trusted_launch.client import ClientError
from nova_trusted_launch.client.agent import AgentClient
from nova_trusted_launch.compute import disks, keymanager, tmpfs
from nova_trusted_launch.compute.bases import Bases
from nova_trusted_launch.compute.configdrive import ConfigDrives
from nova_trusted_launch.compute.gate import MARK, Gate
from nova_trusted_launch.compute.imagecache import TrustedImageCacheManager
from nova_trusted_launch.compute.lastwords import LastWords
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.compute.secrets import Secrets
from nova_trusted_launch.compute.session import Session, Sessions
from nova_trusted_launch.conf import trusted_launch as options
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action

CONF = nova.conf.CONF


class GatedDriver(libvirt_driver.LibvirtDriver):
    """Nova's libvirt driver, its parts replaced by ours where needed."""

    def __init__(self, virtapi: Any, read_only: bool = False) -> None:
        super().__init__(virtapi, read_only)
        options.register_opts(CONF)
        self._options = CONF[options.GROUP]
        socket = self._options.agent_socket
        self._agent = AgentClient(socket, self._options.agent_timeout)
        self._gate = Gate(self._agent, AgentClient(
            socket, self._options.lookup_timeout))
        self._sessions = Sessions()
        self._last_words = LastWords()
        self._secrets = Secrets(self._host)
        keymanager.keep_volume_keys_in_memory(self._host)
        self._config_drives = ConfigDrives(self._options.private_path)
        self._bases = Bases(self._image_api,
                            self._options.max_pbkdf_iterations)
        self.image_cache_manager = TrustedImageCacheManager()
        self.image_backend = disks.TrustedBackend(
            CONF.use_cow_images, bases=self._bases, sessions=self._sessions,
            trusted=self.trusted, private_path=self._config_drives.path)

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

    def _refuse(self, instance: Any, why: str) -> None:
        """Refuse a path to a trusted instance, and only to that."""
        if self.trusted(instance):
            raise TrustedLaunchRefused(Code.PATH_REFUSED, why)

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
