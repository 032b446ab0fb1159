# SPDX-License-Identifier: Apache-2.0
"""Live migration: the destination is released before memory moves.

Disk and memory cross the network under QEMU's own TLS or not at all.  The
destination makes an empty encrypted disk of its own, into which libvirt
copies; its secrets stay in libvirt until the migration has ended.
"""

from __future__ import annotations

from typing import Any

from nova import exception

import nova.conf
from nova_trusted_launch.compute import disks
from nova_trusted_launch.compute.moves import MovingDriver
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action

CONF = nova.conf.CONF


class LiveMovingDriver(MovingDriver):
    """Ask for a release at the destination of a live migration."""

    def check_can_live_migrate_destination(
            self, context: Any, instance: Any, *args: Any,
            **kwargs: Any) -> Any:
        """Check the destination, ourselves, first."""
        self._demand_movable(instance)
        return super().check_can_live_migrate_destination(
            context, instance, *args, **kwargs)

    def check_can_live_migrate_source(
            self, context: Any, instance: Any, *args: Any,
            **kwargs: Any) -> Any:
        """Check the source, ourselves, first."""
        self._demand_movable(instance)
        return super().check_can_live_migrate_source(
            context, instance, *args, **kwargs)

    def _demand_movable(self, instance: Any) -> None:
        if not self.trusted(instance):
            return
        try:
            self._demand_fit_host()
            if not CONF.libvirt.live_migration_with_native_tls:
                raise TrustedLaunchRefused(
                    Code.HOST_UNFIT, "memory would cross the network in the "
                    "clear: set live_migration_with_native_tls")
        except TrustedLaunchRefused as exc:
            raise exception.MigrationPreCheckError(
                reason=exc.format_message()) from exc

    def pre_live_migration(self, context: Any, instance: Any,
                           block_device_info: Any, network_info: Any,
                           *args: Any, **kwargs: Any) -> Any:
        """Prepare this host as the destination, after its release."""
        arguments = (context, instance, block_device_info, network_info,
                     *args)
        asked = self._asks(instance, Action.MIGRATE_IN)
        if asked is None:
            return super().pre_live_migration(*arguments, **kwargs)
        session = self._released(instance, Action.MIGRATE_IN, asked)
        with self._started(instance, session):
            self.image_backend.by_name(instance, disks.ROOT).base(
                context, instance.image_ref)
            self._config_drives.build(instance, session, network_info)
            prepared = super().pre_live_migration(*arguments, **kwargs)
            self._secrets.define(session)
            return prepared

    def post_live_migration_at_destination(
            self, context: Any, instance: Any, *args: Any,
            **kwargs: Any) -> None:
        """The guest runs here now: libvirt needs its keys no more."""
        self._secrets.forget(instance.uuid)
        super().post_live_migration_at_destination(
            context, instance, *args, **kwargs)
