# SPDX-License-Identifier: Apache-2.0
"""Starts that other operations end with: moves, reverts, rescue.

Only ciphertext is copied from host to host; the host that starts the guest
asks for its own release.  A rescue boots the instance's own image again, the
only one whose digest is known; any other could read the disk.
"""

from __future__ import annotations

from typing import Any

from nova.network import model as network_model

from nova_trusted_launch.compute import disks
from nova_trusted_launch.compute.keeping import KeepingDriver
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action


class MovingDriver(KeepingDriver):
    """Ask for a release at the end of a move and of a rescue."""

    def finish_migration(self, context: Any, migration: Any, instance: Any,
                         *args: Any, **kwargs: Any) -> None:
        """Start a resized or migrated instance on this host."""
        asked = self._asks(instance, Action.MIGRATE_IN)
        if asked is None:
            super().finish_migration(context, migration, instance, *args,
                                     **kwargs)
            return
        session = self._released(instance, Action.MIGRATE_IN, asked)
        with self._started(instance, session):
            super().finish_migration(context, migration, instance, *args,
                                     **kwargs)

    def finish_revert_migration(  # noqa: PLR0917, as Nova calls it
            self, context: Any, instance: Any, network_info: Any,
            migration: Any, block_device_info: Any = None,
            power_on: bool = True, share_info: Any = None) -> None:
        """Start the instance again where it was before a move."""
        arguments = (context, instance, network_info, migration,
                     block_device_info, power_on, share_info)
        asked = (self._asks(instance, Action.MIGRATE_IN)
                 if power_on else None)
        if asked is None:
            super().finish_revert_migration(*arguments)
            return
        session = self._released(instance, Action.MIGRATE_IN, asked)
        with self._started(instance, session):
            self.image_backend.by_name(instance, disks.ROOT).base(
                context, instance.image_ref)
            self._config_drives.build(instance, session, network_info)
            super().finish_revert_migration(*arguments)

    def rescue(self, context: Any, instance: Any, network_info: Any,
               image_meta: Any, *args: Any, **kwargs: Any) -> None:
        """Boot the instance's own image beside its disk."""
        asked = self._asks(instance, Action.RESCUE)
        if asked is None:
            super().rescue(context, instance, network_info, image_meta,
                           *args, **kwargs)
            return
        if (image_meta.obj_attr_is_set("id")
                and image_meta.id != instance.image_ref):
            raise TrustedLaunchRefused(
                Code.PATH_REFUSED, "only its own image may rescue it: "
                "another one is not verified and would read the disk")
        session = self._released(instance, Action.RESCUE, asked)
        with self._started(instance, session):
            super().rescue(context, instance, network_info, image_meta,
                           *args, **kwargs)

    def unrescue(self, context: Any, instance: Any) -> None:
        """Boot the instance's own disk again."""
        asked = self._asks(instance, Action.UNRESCUE)
        if asked is None:
            super().unrescue(context, instance)
            return
        session = self._released(instance, Action.UNRESCUE, asked)
        with self._started(instance, session):
            self.image_backend.by_name(instance, disks.ROOT).base(
                context, instance.image_ref)
            self._config_drives.forget(instance.uuid)
            self._config_drives.build(instance, session,
                                      _network_info(instance))
            super().unrescue(context, instance)


def _network_info(instance: Any) -> Any:
    return instance.get_network_info() or network_model.NetworkInfo()
