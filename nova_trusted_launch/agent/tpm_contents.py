# SPDX-License-Identifier: Apache-2.0
"""What is in a TPM: handles, NV indexes, persistent keys.

Works on the connection (an ESAPI object) that ``tpm_tss`` hands in, and needs
no TPM library itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SESSIONS, SAVED_SESSIONS, OBJECTS = 0x02000000, 0x03000000, 0x80000000
_NV_INDEXES, _PERSISTENT_OBJECTS = 0x01000000, 0x81000000
_CAP_HANDLES = 1
_PAGE = 64
_NV_CHUNK = 512


class TpmContents:
    """What :func:`~nova_trusted_launch.agent.endorsement.find_ek` searches.

    ``make`` makes a primary key of a template and returns its TPMT_PUBLIC.
    """

    def __init__(self, esapi: Any,
                 make: Callable[[bytes], bytes]) -> None:
        self._esapi = esapi
        self.made_from = make
        self._indexes = frozenset(handles(esapi, _NV_INDEXES))

    def nv(self, index: int) -> bytes | None:
        """Return an NV index's bytes; None when it is not defined."""
        if index not in self._indexes:
            return None
        handle = self._esapi.tr_from_tpmpublic(index)
        try:
            public, _ = self._esapi.nv_read_public(handle)
            total, data = int(public.nvPublic.dataSize), b""
            while len(data) < total:
                data += bytes(self._esapi.nv_read(
                    handle, min(total - len(data), _NV_CHUNK), len(data)))
            return data
        finally:
            self._esapi.tr_close(handle)

    def persistent(self) -> list[tuple[int, bytes]]:
        """Return every persistent object's handle and TPMT_PUBLIC."""
        return [(h, self._public(h))
                for h in handles(self._esapi, _PERSISTENT_OBJECTS)]

    def _public(self, number: int) -> bytes:
        handle = self._esapi.tr_from_tpmpublic(number)
        try:
            public, *_ = self._esapi.read_public(handle)
            return bytes(public.publicArea.marshal())
        finally:
            self._esapi.tr_close(handle)


def handles(esapi: Any, kind: int) -> list[int]:
    """Return all handles of a kind (a handle's first byte)."""
    kinds = {kind >> 24}
    if kind in {SESSIONS, SAVED_SESSIONS}:
        # Asked for either, a TPM names policy sessions by their own kind.
        kinds = {SESSIONS >> 24, SAVED_SESSIONS >> 24}
    found: list[int] = []
    more, start = True, kind
    while more:
        more, data = esapi.get_capability(
            _CAP_HANDLES, start, _PAGE)
        page = [int(h) for h in data.data.handles]
        found += page
        if not page:
            break
        start = (page[-1] & 0x00FFFFFF | kind) + 1
    return [h for h in found if h >> 24 in kinds]
