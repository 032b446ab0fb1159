# SPDX-License-Identifier: Apache-2.0
"""A list, read entry by entry."""

from __future__ import annotations

import dataclasses
import hashlib


from attestation_service.core.ima import log
from attestation_service.core.ima.log import FileFacts, Format, Shape
from tests.fakes import logs

DIGEST = hashlib.sha256(b"x").digest()
ASCII, BINARY = Shape(Format.ASCII, 20), Shape(Format.BINARY, 20)
GOOD = logs.ima_file("/a", b"x").data
ONE_OF_EACH = [
    (logs.ima_file("/a b".replace(" ", "_"), b"x"),
     FileFacts("sha256", DIGEST, b"/a_b", b"", b"", False)),
    (logs.ima_file("/b", b"x", template="ima-sig"),
     FileFacts("sha256", DIGEST, b"/b", b"", b"", False)),
    (logs.ima_file("/c", b"x", template="ima-sig", signature=b"\3\2s"),
     FileFacts("sha256", DIGEST, b"/c", b"\3\2s", b"", False)),
    (logs.ima_file("/d", b"x", template="ima-ngv2"),
     FileFacts("sha256", DIGEST, b"/d", b"", b"", False)),
    (logs.ima_file("/e", b"x", template="ima-sigv2", signature=b"s"),
     FileFacts("sha256", DIGEST, b"/e", b"s", b"", False)),
    (logs.ima_file("keys", b"x", template="ima-buf", signature=b"buffer"),
     FileFacts("sha256", DIGEST, b"keys", b"", b"buffer", False)),
    (logs.ima_file("/f", b"x", alg="sha1"),
     FileFacts("sha1", hashlib.sha1(b"x").digest(), b"/f", b"", b"", False)),
]


def entries(data, form=None):
    """Return the raw entries of a list."""
    return [raw for chunk in log.chunks(data, form or log.shape(data))
            for raw in chunk]


def swapped(entry):
    """What a big-endian kernel writes and hashes for the same file."""
    fields, at, data = [], 0, entry.data
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "little")
        fields.append(data[at + 4:at + 4 + size])
        at += 4 + size
    data = b"".join(len(f).to_bytes(4, "big") + f for f in fields)
    name = entry.template.encode()
    claimed = hashlib.sha1(data).digest()
    binary = ((10).to_bytes(4, "big") + claimed
              + len(name).to_bytes(4, "big") + name
              + len(data).to_bytes(4, "big") + data)
    line = logs.ImaList([dataclasses.replace(
        entry, register=10)]).ascii().replace(
        entry.hash.hex().encode(), claimed.hex().encode())
    return binary, line, data
