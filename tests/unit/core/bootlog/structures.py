# SPDX-License-Identifier: Apache-2.0
"""UEFI structures that images and disks are measured with."""

from __future__ import annotations

import struct


def node(kind, subtype, data):
    return struct.pack("<BBH", kind, subtype, 4 + len(data)) + data


def image(*nodes):
    path = b"".join(nodes)
    return struct.pack("<QQQQ", 0, 0, 0, len(path)) + path


END = node(0x7F, 0xFF, b"")
DISK, TYPE, OWN = (bytes([i]) * 16 for i in (1, 2, 3))


def gpt(entries=1, each=128, count=None, signature=b"EFI PART"):
    header = struct.pack("<8sIIIIQQQQ16sQIII", signature, 0x10000, 92, 0, 0,
                         1, 99, 34, 90, DISK, 2, entries, each, 0)
    entry = (TYPE + OWN + struct.pack("<QQQ", 34, 50, 0)
             + "boot".encode("utf-16-le").ljust(72, b"\0"))
    return header + struct.pack(
        "<Q", entries if count is None else count) + entry * entries
