# SPDX-License-Identifier: Apache-2.0
"""What a trusted instance leaves behind, and what it must not.

Also the rest of what Nova's driver does with files and secrets of its own
accord, away from the start of a guest.
"""

from __future__ import annotations

import functools
from typing import Any

from nova.compute import task_states
from oslo_log import log as logging

from nova_trusted_launch import admission
from nova_trusted_launch.client import ClientError
from nova_trusted_launch.compute import keymanager
from nova_trusted_launch.compute.gated import GatedDriver
from nova_trusted_launch.wire.release import Action

LOG = logging.getLogger(__name__)


class KeepingDriver(GatedDriver):
    """Clean up after guests, and guard what Nova keeps for them."""

    def _destroy(self, instance: Any) -> None:
        super()._destroy(instance)
        if self._sessions.find(instance.uuid) is None:
            self._forget(instance)

    def cleanup(self, context: Any, instance: Any, network_info: Any,
                block_device_info: Any = None, destroy_disks: bool = True,
                **kwargs: Any) -> None:
        """Remove an instance from the host; deleting it closes its lease."""
        deleted = (destroy_disks and self.trusted(instance)
                   and instance.task_state == task_states.DELETING)
        super().cleanup(context, instance, network_info, block_device_info,
                        destroy_disks, **kwargs)
        if self._sessions.find(instance.uuid) is None:
            self._forget(instance)
        if deleted:
            self._close_lease(instance)

    def _close_lease(self, instance: Any) -> None:
        try:
            self._agent.close(instance.uuid)
        except ClientError as exc:
            # The service also learns of it from Nova's notification.
            LOG.warning("The lease was not closed: %s", exc,
                        instance=instance)

    def cache_image(self, context: Any, image_id: str) -> bool:
        """Fetch an image ahead of its use, an encrypted one as it is."""
        image = self._image_api.get(context, image_id)
        properties = image.get("properties", {})
        if not ({admission.IMAGE_KEY, admission.IMAGE_PROFILE}
                & set(properties)):
            return super().cache_image(context, image_id)
        return self._bases.prefetch(context, image_id)

    def _get_instance_disk_info_from_config(
            self, guest_config: Any, block_device_info: Any) -> Any:
        # Config drives in memory are no disks to measure, copy or make.
        private = self._options.private_path.rstrip("/") + "/"
        guest_config.devices = [
            device for device in guest_config.devices
            if not (getattr(device, "source_path", None) or "").startswith(
                private)]
        return super()._get_instance_disk_info_from_config(
            guest_config, block_device_info)

    # Secrets of volumes and emulated TPMs.

    def _connect_volume(self, context: Any, connection_info: Any,
                        instance: Any, *args: Any, **kwargs: Any) -> Any:
        with self._speaking_for(instance):
            return super()._connect_volume(
                context, connection_info, instance, *args, **kwargs)

    def _get_or_create_secret_for_vtpm(self, context: Any,
                                       instance: Any) -> Any:
        with self._speaking_for(instance):
            return super()._get_or_create_secret_for_vtpm(context, instance)

    def _get_or_create_encryption_secret(self, context: Any, instance: Any,
                                         *args: Any, **kwargs: Any) -> Any:
        with self._speaking_for(instance):
            return super()._get_or_create_encryption_secret(
                context, instance, *args, **kwargs)

    def _speaking_for(self, instance: Any) -> Any:
        return keymanager.speaking_for(
            functools.partial(self._permit, instance),
            trusted=self._sessions.find(instance.uuid) is not None
            or self.trusted(instance))

    def _permit(self, instance: Any) -> None:
        """Let secrets of the instance be read, after a release of its own.

        :raises TrustedLaunchRefused: this host is not good enough now.
        """
        if (self._sessions.find(instance.uuid) is None
                and self.trusted(instance)):
            self._gate.release(instance, Action.SECRET,
                               admission.Requirement())
