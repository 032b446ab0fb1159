# SPDX-License-Identifier: Apache-2.0
"""Frames on the agent's socket: a length, then canonical JSON.

The length is 32 bits, big-endian.  Every wait ends at one deadline for the
whole frame (a ``time.monotonic`` value).
"""

from __future__ import annotations

import socket
import time
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError

MAX_FRAME = 1024 * 1024
_SIZE = 4


def send(sock: socket.socket, value: Any, until: float) -> None:
    """Write a value; what was copied of it is overwritten afterwards.

    :raises OSError: the peer is gone or too slow.
    :raises WireError: the value is too large.
    """
    data = encoding.canonical(value)
    if len(data) > MAX_FRAME:
        raise WireError(f"a frame has at most {MAX_FRAME} bytes")
    frame = bytearray(len(data).to_bytes(_SIZE, "big"))
    frame += data
    try:
        sock.settimeout(_left(until))
        sock.sendall(frame)
    finally:
        frame[:] = bytes(len(frame))


def receive(sock: socket.socket, until: float) -> Any:
    """Read a value.

    :raises OSError: the peer is gone or too slow.
    :raises WireError: it is not a frame.
    """
    size = int.from_bytes(_exactly(sock, _SIZE, until), "big")
    if size > MAX_FRAME:
        raise WireError(f"a frame has at most {MAX_FRAME} bytes")
    data = _exactly(sock, size, until)
    try:
        return encoding.loads(bytes(data), max_size=MAX_FRAME)
    finally:
        data[:] = bytes(len(data))


def _exactly(sock: socket.socket, size: int, until: float) -> bytearray:
    data = bytearray(size)
    view, at = memoryview(data), 0
    while at < size:
        sock.settimeout(_left(until))
        got = sock.recv_into(view[at:])
        if got == 0:
            raise WireError("the peer closed the connection early")
        at += got
    return data


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the peer is too slow")
    return left
