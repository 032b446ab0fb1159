# SPDX-License-Identifier: Apache-2.0
"""The public side of the log of receipts: checkpoint, proofs, leaves.

Leaves are hashes: whoever has a receipt can find it, nobody learns another's.
"""

from __future__ import annotations

from attestation_service import records as r
from attestation_service.core import errors, transparency
from attestation_service.flows.settings import Settings
from attestation_service.ports import Signer, Store, UnitOfWork
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.receipts import CHECKPOINT_TYPE, Checkpoint


class ProveLog:
    """Anyone checks that the log only grows."""

    def __init__(self, store: Store, signer: Signer,
                 settings: Settings) -> None:
        self._store = store
        self._signer = signer
        self._settings = settings

    def checkpoint(self, now: r.Time) -> str:
        """Return the signed size and root of the log as it is."""
        with self._store.unit() as unit:
            size = unit.log.size()
            root = transparency.root(unit.log.node, size)
        return self._signer.sign(Checkpoint(
            self._settings.log_origin, size, root, now).to_claims(),
            CHECKPOINT_TYPE)

    def inclusion(self, index: int, size: int) -> tuple[bytes, list[bytes]]:
        """Return the leaf at ``index`` and its path in the first ``size``.

        :raises Unknown: LOG_RANGE
        """
        with self._store.unit() as unit:
            _within(unit, size)
            path = transparency.inclusion_path(unit.log.node, index, size)
            return unit.log.node(0, index), path

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Return the proof that ``first`` entries begin ``second``.

        :raises Unknown: LOG_RANGE
        """
        with self._store.unit() as unit:
            _within(unit, second)
            return transparency.consistency_path(unit.log.node, first,
                                                 second)

    def leaves(self, start: int, limit: int) -> list[bytes]:
        """Return leaf hashes from ``start`` on, at most ``limit``.

        :raises Unknown: LOG_RANGE: ``start`` is beyond the end.
        """
        with self._store.unit() as unit:
            _within(unit, start)
            end = min(start + limit, unit.log.size())
            return [unit.log.node(0, i) for i in range(start, end)]


def _within(unit: UnitOfWork, size: int) -> None:
    if not 0 <= size <= unit.log.size():
        raise errors.Unknown(f"the log has less than {size} entries",
                             Code.LOG_RANGE)
