# SPDX-License-Identifier: Apache-2.0
"""An agent on its socket: answers nova-compute truthfully from memory.

It plays agent, TPM and service at once: leases, disk keys per instance, image
keys and digests as a test registers them.  ``host_is_good`` off is a tainted
host.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from nova_trusted_launch.client import frames
from nova_trusted_launch.client.agent import ReleasedKeys
from nova_trusted_launch.wire.codes import Code


@dataclass
class FakeAgent:
    """Serve one socket in a thread."""

    path: str
    host_is_good: bool = True
    keys: dict[str, bytes] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    leases: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    disk_keys: dict[str, bytes] = field(default_factory=dict)
    refusal: tuple[str, str] | None = None
    delay: float = 0.0

    def __post_init__(self) -> None:
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._server.bind(self.path)
        self._server.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Go away: later calls find nobody."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    @property
    def actions(self) -> list[str]:
        """The actions of all release requests so far."""
        return [r["action"] for r in self.requests if r["op"] == "release"]

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError, ValueError):
                until = time.monotonic() + 5
                request = frames.receive(peer, until)
                time.sleep(self.delay)
                frames.send(peer, self._reply(request), until)

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        instance = request.get("instance_id", "")
        match request["op"]:
            case "release":
                return self._release(request, instance)
            case "instance":
                return {"ok": self._view(instance)}
            case "close":
                self.leases.pop(instance, None)
                self.disk_keys.pop(instance, None)
                return {"ok": {}}
            case "status":
                return {"ok": {"attester_id": "fake", "state": "approved",
                               "host": "fake", "last_attested_at": None,
                               "last_error": None}}
        return {"ok": {}}

    def _view(self, instance: str) -> dict[str, Any] | None:
        lease = self.leases.get(instance)
        return lease and {k: v for k, v in lease.items() if k != "nonce"}

    def _release(self, request: dict[str, Any],
                 instance: str) -> dict[str, Any]:
        if self.refusal:
            return _error(*self.refusal)
        if not self.host_is_good:
            return _error(Code.RELEASE_NOT_AFFIRMING,
                          "host is contraindicated for profile gold")
        lease = self.leases.get(instance)
        if lease is None or request["action"] == "rebuild":
            self.disk_keys[instance] = secrets.token_bytes(32)
            lease = self.leases[instance] = {
                "trusted": True, "instance_id": instance,
                "image_id": request["image_id"],
                "key_id": request["key_id"],
                "nonce": (lease or {}).get("nonce", secrets.token_bytes(32))}
        return {"ok": ReleasedKeys(
            self.disk_keys[instance], self.keys.get(lease["key_id"]),
            lease["nonce"], "head.body.signature", len(self.requests),
            self.digests.get(lease["image_id"]),
            f"release-{len(self.requests)}").to_dict()}


def _error(code: str, detail: str) -> dict[str, Any]:
    return {"error": {"code": str(code), "detail": detail}}
