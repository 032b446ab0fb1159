# SPDX-License-Identifier: Apache-2.0
"""The built-in vault: AES-256-GCM in SQL, under a master key in a file.

Reference, context and version of the master key are authenticated with every
secret, so that a row moved under another reference or purpose does not open.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.ports import Randomness
from attestation_service.vault.master import MasterKeys
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

_PREFIX = "builtin/"
_NONCE_SIZE = 12
_BATCH = 100


class BuiltinVault:
    """See :class:`attestation_service.ports.KeyVault`.

    ``transaction`` gives a connection, within the unit of work of the thread
    if one is open; ``table`` is where the rows are.
    """

    def __init__(
        self, table: sa.Table,
        transaction: Callable[[], AbstractContextManager[sa.Connection]],
        master: MasterKeys, randomness: Randomness,
    ) -> None:
        self._table = table
        self._transaction = transaction
        self._master = master
        self._randomness = randomness

    def put(self, material: r.KeyMaterial, context: str) -> str:
        """Keep a secret; return its reference."""
        reference = _PREFIX + self._randomness.uuid()
        with self._transaction() as connection:
            connection.execute(self._table.insert(), {
                "reference": reference, "context": context,
                **self._encrypted(reference, context, material.secret)})
        return reference

    def fetch(self, reference: str, context: str) -> r.KeyMaterial:
        """Return a secret."""
        with self._transaction() as connection:
            row = connection.execute(self._table.select().where(
                self._table.c.reference == reference)).first()
        if row is None:
            raise _corrupt(reference, "is not in the vault")
        return r.KeyMaterial(self._decrypted(row, context))

    def delete(self, reference: str) -> None:
        """Forget a secret; an unknown reference is no error."""
        with self._transaction() as connection:
            connection.execute(self._table.delete().where(
                self._table.c.reference == reference))

    def rotate(self) -> int:
        """Encrypt everything anew under a new master key.

        The old ones are destroyed at the end; interrupted, it can be started
        again.  Returns how many secrets there were.
        """
        current = self._master.add()
        count = 0
        while batch := self._rotate_some(current):
            count += batch
        for version in self._master.versions():
            if version != current and not self._left_under(version):
                self._master.retire(version)
        return count

    def _rotate_some(self, current: int) -> int:
        table = self._table
        with self._transaction() as connection:
            found = connection.execute(
                table.select().where(table.c.key_version != current)
                .limit(_BATCH).with_for_update()).all()
            for row in found:
                secret = self._decrypted(row, row.context)
                connection.execute(
                    table.update()
                    .where(table.c.reference == row.reference)
                    .values(self._encrypted(row.reference, row.context,
                                            secret)))
        return len(found)

    def _left_under(self, version: int) -> bool:
        with self._transaction() as connection:
            return connection.execute(
                sa.select(self._table.c.reference)
                .where(self._table.c.key_version == version)
                .limit(1)).first() is not None

    def _encrypted(self, reference: str, context: str,
                   secret: bytes) -> dict[str, int | bytes]:
        version, key = self._master.current()
        nonce = self._randomness.bytes(_NONCE_SIZE)
        return {"key_version": version, "nonce": nonce,
                "ciphertext": AESGCM(key).encrypt(
                    nonce, secret, _bound(reference, context, version))}

    def _decrypted(self, row: sa.Row, context: str) -> bytes:
        key = self._master.key(row.key_version)
        if key is None:
            raise _corrupt(row.reference, "is under a master key that is "
                           "not in the file")
        try:
            return AESGCM(key).decrypt(
                row.nonce, row.ciphertext,
                _bound(row.reference, context, row.key_version))
        except InvalidTag as exc:
            raise _corrupt(row.reference, "was changed, or is for another "
                           "purpose") from exc


def _bound(reference: str, context: str, version: int) -> bytes:
    return encoding.canonical([reference, context, version])


def _corrupt(reference: str, why: str) -> errors.Unknown:
    return errors.Unknown(f"the secret {reference} {why}", Code.KEY_CORRUPT)
