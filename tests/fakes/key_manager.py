# SPDX-License-Identifier: Apache-2.0
"""A real Castellan driver that keeps objects as files in a folder."""

from __future__ import annotations

import pathlib
import uuid

from castellan.common import exception
from castellan.common.objects import opaque_data
from castellan.key_manager import key_manager
from oslo_config import cfg

OPTS = [cfg.StrOpt("folder")]


class FileKeyManager(key_manager.KeyManager):
    """Loaded as ``[key_manager] backend`` by its class path."""

    def __init__(self, configuration: cfg.ConfigOpts) -> None:
        super().__init__(configuration)
        configuration.register_opts(OPTS, group="file_key_manager")
        self._folder = pathlib.Path(configuration.file_key_manager.folder)

    def store(self, context, managed_object, expiration=None):
        self._trust(context)
        if not isinstance(managed_object, opaque_data.OpaqueData):
            raise exception.KeyManagerError(reason="keeps opaque data only")
        managed_object_id = str(uuid.uuid4())
        self._path(managed_object_id).write_bytes(
            managed_object.get_encoded())
        return managed_object_id

    def get(self, context, managed_object_id, metadata_only=False):
        self._trust(context)
        try:
            data = self._path(managed_object_id).read_bytes()
        except FileNotFoundError as exc:
            raise exception.ManagedObjectNotFoundError(
                uuid=managed_object_id) from exc
        return opaque_data.OpaqueData(data)

    def delete(self, context, managed_object_id, force=False):
        self._trust(context)
        try:
            self._path(managed_object_id).unlink()
        except FileNotFoundError as exc:
            raise exception.ManagedObjectNotFoundError(
                uuid=managed_object_id) from exc

    def create_key_pair(self, context, algorithm, length, expiration=None,
                        name=None):
        raise NotImplementedError

    def create_key(self, context, algorithm, length, expiration=None,
                   name=None):
        raise NotImplementedError

    def list(self, context, object_type=None, metadata_only=False):
        raise NotImplementedError

    def add_consumer(self, context, managed_object_id, consumer_data):
        raise NotImplementedError

    def remove_consumer(self, context, managed_object_id, consumer_data):
        raise NotImplementedError

    def _trust(self, context) -> None:
        if context is None:
            raise exception.Forbidden
        if not self._folder.is_dir():
            raise exception.KeyManagerError(reason="the folder is gone")

    def _path(self, name: str) -> pathlib.Path:
        return self._folder / str(uuid.UUID(name))
