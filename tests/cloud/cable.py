# SPDX-License-Identifier: Apache-2.0
"""What crosses the cable of one compute host, kept to be searched."""

from __future__ import annotations

import collections
import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator

from tools.cloud import lab

_ALL = 0x0003  # ETH_P_ALL
_TCP, _ETHERNET = 6, 14


def device(host: str) -> str:
    """Name the end of a host's cable that is on this machine."""
    number = os.environ.get("NTL_CLOUD_NUMBER", "0")
    return f"ntl{number}m{lab.HOSTS.index(host) + 1}"


@contextlib.contextmanager
def listening(host: str, most: int = 2 ** 30
              ) -> Iterator[dict[bytes, bytearray]]:
    """Keep the TCP streams to and from a host while the block runs.

    They are keyed by addresses and ports; segments stand in the order in
    which they came, up to ``most`` bytes in all.
    """
    streams: dict[bytes, bytearray] = collections.defaultdict(bytearray)
    over = threading.Event()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                       socket.htons(_ALL)) as cable:
        cable.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 ** 26)
        cable.bind((device(host), 0))
        cable.settimeout(0.2)
        thread = threading.Thread(
            target=_collect, args=(cable, streams, over, most))
        thread.start()
        try:
            yield streams
        finally:
            over.set()
            thread.join()


def _collect(cable: socket.socket, streams: dict[bytes, bytearray],
             over: threading.Event, most: int) -> None:
    while not over.is_set() and most > 0:
        try:
            packet = cable.recv(2 ** 17)
        except TimeoutError:
            continue
        start = _ETHERNET + (packet[_ETHERNET] & 15) * 4
        if packet[12:14] != b"\x08\x00" or packet[_ETHERNET + 9] != _TCP:
            continue
        length = struct.unpack_from(">H", packet, _ETHERNET + 2)[0]
        data = start + (packet[start + 12] >> 4) * 4
        # Of a packet that was put together from several, no length is told.
        payload = packet[data:_ETHERNET + length if length else None]
        streams[packet[_ETHERNET + 12:_ETHERNET + 20]
                + packet[start:start + 4]] += payload
        most -= len(payload)
