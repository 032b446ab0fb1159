# SPDX-License-Identifier: Apache-2.0
"""The keys of instances that are being started right now, and no others.

A session exists from the release until the guest runs.  Nothing here is
printed, and nothing is kept afterwards.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from nova_trusted_launch.client.agent import ReleasedKeys
from nova_trusted_launch.images import encrypt
from nova_trusted_launch.wire.release import Action


@dataclass(frozen=True, slots=True)
class Session:
    """One release for one instance.  Only ``gate`` makes these."""

    instance_uuid: str
    action: Action
    keys: ReleasedKeys = field(repr=False)

    @property
    def disk_passphrase(self) -> bytes:
        """The passphrase of the instance's own disks."""
        return encrypt.passphrase(self.keys.disk_key)

    @property
    def image_passphrase(self) -> bytes | None:
        """The passphrase of its image; None when that is plain."""
        if self.keys.image_key is None:
            return None
        return encrypt.passphrase(self.keys.image_key)


# Nova destroys the old disk between a rebuild's release and its spawn.
_KEPT_SECONDS = 900


class Sessions:
    """The open sessions by instance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}
        self._kept: dict[str, tuple[float, Session]] = {}

    def keep(self, session: Session) -> None:
        """Keep a session for the spawn that follows."""
        with self._lock:
            self._forget_old()
            self._kept[session.instance_uuid] = time.monotonic(), session

    def take(self, instance_uuid: str) -> Session | None:
        """Return the session kept for an instance, once."""
        with self._lock:
            self._forget_old()
            return self._kept.pop(instance_uuid, (0, None))[1]

    def _forget_old(self) -> None:
        now = time.monotonic()
        self._kept = {uuid: (kept, session)
                      for uuid, (kept, session) in self._kept.items()
                      if now - kept < _KEPT_SECONDS}

    def find(self, instance_uuid: str) -> Session | None:
        """Return the open session of an instance."""
        return self._open.get(instance_uuid)

    @contextlib.contextmanager
    def held(self, session: Session) -> Iterator[Session]:
        """Keep ``session`` open for the time of the block."""
        with self._lock:
            self._open[session.instance_uuid] = session
        try:
            yield session
        finally:
            with self._lock:
                self._open.pop(session.instance_uuid, None)
