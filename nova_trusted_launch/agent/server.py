# SPDX-License-Identifier: Apache-2.0
"""The Unix socket on which nova-compute asks: who may, and how much at once.

One request and one reply per connection.  The socket has mode 0600 and every
peer's credentials are looked at too.  Neither requests nor replies are logged.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oslo_log import log as logging

from nova_trusted_launch.agent.state import StateError
from nova_trusted_launch.agent.tpm import TpmError
from nova_trusted_launch.client import frames
from nova_trusted_launch.client.errors import ClientError
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.encoding import WireError

LOG = logging.getLogger(__name__)

Operation = Callable[[dict[str, Any]], Any]
_CREDENTIALS = struct.Struct("iII")
_BACKLOG = 64
_MAX_DETAIL = 1000


class SocketTaken(Exception):
    """Another agent listens on the socket."""


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """Where to listen, for whom, how many at once and how long.

    ``users`` may ask, besides root and the agent's own user; the socket
    belongs to the first of them when the agent may give it away.
    """

    path: str
    users: tuple[str, ...] = ()
    connections: int = 16
    timeout: float = 10.0


class SocketServer:
    """Answers operations until stopped."""

    def __init__(self, options: SocketOptions,
                 operations: Mapping[str, Operation]) -> None:
        self._options, self._operations = options, operations
        self._allowed = frozenset({0, os.geteuid()}) | frozenset(
            map(user_id, options.users))
        self._places = threading.BoundedSemaphore(options.connections)
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Listen.

        :raises SocketTaken: another agent does already.
        :raises OSError: it is not possible there.
        """
        path = self._options.path
        os.makedirs(os.path.dirname(path) or ".", mode=0o755, exist_ok=True)
        _refuse_taken(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        fresh = f"{path}.{os.getpid()}"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh)
            listener.bind(fresh)
            os.chmod(fresh, 0o600)
            if self._options.users and os.geteuid() == 0:
                os.chown(fresh, user_id(self._options.users[0]), -1)
            listener.listen(_BACKLOG)
            os.rename(fresh, path)
        except BaseException:
            listener.close()
            raise
        self._listener = listener
        self._thread = threading.Thread(
            target=self._accept, args=(listener,), name="socket", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Listen no more; let those under way finish, within reason."""
        if self._listener is None or self._stopping.is_set():
            return
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join()
        self._listener.close()
        with contextlib.suppress(OSError):
            os.unlink(self._options.path)
        until = time.monotonic() + patience
        for _ in range(self._options.connections):
            if not self._places.acquire(
                    timeout=max(until - time.monotonic(), 0)):
                LOG.warning("Stopping with a request under way")
                return

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            # No place, no accept: the kernel's queue holds the others.
            if not self._places.acquire(timeout=1.0):
                continue
            try:
                peer, _ = listener.accept()
            except OSError as exc:
                self._places.release()
                if not self._stopping.is_set():
                    LOG.error("The socket failed: %s", exc)
                    self._stopping.wait(0.5)
                continue
            threading.Thread(target=self._serve, args=(peer,),
                             name="request", daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            with peer:
                self._exchange(peer)
        except OSError as exc:
            LOG.info("A peer left or was too slow: %s", exc)
        finally:
            self._places.release()

    def _exchange(self, peer: socket.socket) -> None:
        process, user, _ = _CREDENTIALS.unpack(peer.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        if user not in self._allowed:
            LOG.warning("Process %d of user %d is not allowed to ask",
                        process, user)
            return
        timeout = self._options.timeout
        try:
            request = frames.receive(peer, time.monotonic() + timeout)
            reply = self._reply(request)
        except WireError as exc:
            reply = _error(Code.REQUEST_INVALID, str(exc))
        frames.send(peer, reply, time.monotonic() + timeout)

    def _reply(self, request: Any) -> dict[str, Any]:
        if not isinstance(request, dict):
            raise WireError("a request is an object")
        fields = dict(request)
        operation = self._operations.get(str(fields.pop("op", None)))
        if operation is None:
            raise WireError("unknown operation")
        try:
            return {"ok": operation(fields)}
        except ClientError as exc:
            return _error(str(exc.code), exc.detail)
        except TpmError as exc:
            LOG.warning("The TPM refused: %s", exc)
            return _error(exc.code, str(exc))
        except StateError as exc:
            return _error(Code.AGENT_UNAVAILABLE, str(exc))


def user_id(name: str) -> int:
    """Return a user's number; digits stand for themselves.

    :raises ValueError: no such user.
    """
    if name.isdecimal():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as exc:
        raise ValueError(f"no user {name!r} on this host") from exc


def allowed(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``names`` that exist on this host."""
    found = []
    for name in names:
        try:
            user_id(name)
        except ValueError as exc:
            LOG.warning("[agent] allowed_users: %s", exc)
            continue
        found.append(name)
    return tuple(found)


def _error(code: str, detail: str) -> dict[str, Any]:
    shown = "".join(c if c.isprintable() else " " for c in detail)
    return {"error": {"code": str(code),
                      "detail": shown[:_MAX_DETAIL] or "no detail"}}


def _refuse_taken(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise SocketTaken(f"{path} exists and is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return
        except OSError as exc:
            raise SocketTaken(f"{path}: {exc}") from exc
    raise SocketTaken(f"another agent listens on {path}")
