# SPDX-License-Identifier: Apache-2.0
"""The faults of IMA lists (C13)."""

from __future__ import annotations

import struct

from tests.fakes import logs
from tests.vectors.writing import HOST, MALFORMED, UNAUTHENTIC

# Enough of the captured list for every template and path.
IMA_ENTRIES = 12


def ima(write):
    files = logs.load_ima(HOST / "ima_bin", IMA_ENTRIES)
    others = {i: v for i, v in logs.pcrs_of("sb-tcg").values.items()
              if i < 10}

    def values(found=files):
        return {**others, 10: found.value()}

    good = values()

    def fault(name, what, changed, quoted=good, **outcome):
        write.ima(f"c13-{name}", "C13", what, changed, quoted, **outcome)

    other = dict(values())
    other[4] = b"\1" * 32
    fault("boot-aggregate", "the list begins with the boot aggregate of "
          "another boot", files, other, verdict="boot-aggregate")
    violation = files.copy()
    violation.entries.insert(5, logs.ima_file(
        "/bin/busybox", template="ima-sig", violation=True))
    fault("violation", "a file was changed while it was used", violation,
          values(violation), verdict="violation")
    unknown = files.copy()
    unknown.entries.insert(5, logs.ima_file(
        "/bin/busybox", b"changed", template="ima-sig"))
    fault("unknown-file", "a file nobody vouches for", unknown,
          values(unknown), verdict="unknown")

    for name, change in (
            ("truncated", lambda e: e.pop()),
            ("first-removed", lambda e: e.pop(0)),
            ("removed", lambda e: e.pop(5)),
            ("reordered", lambda e: e.insert(4, e.pop(5))),
            ("duplicated", lambda e: e.insert(5, e[5])),
            ("hidden", lambda e: setattr(e[5], "register", 11)),
            ("violation-for-file", lambda e: setattr(e[5], "violation",
                                                     True)),
            ("template-hash", lambda e: setattr(e[5], "claimed", b"\1" * 20)),
            ("data", lambda e: setattr(e[5], "data", e[4].data))):
        changed = files.copy()
        change(changed.entries)
        fault(name, f"the list was changed: {name}", changed,
              code=UNAUTHENTIC)
        fault(f"{name}-ascii", f"the list was changed: {name}",
              changed.ascii(), code=UNAUTHENTIC)

    data = files.dump()
    for name, offset in (("name-length", 24), ("data-length", 35)):
        changed = bytearray(data)
        struct.pack_into("<I", changed, offset, 0xFFFFFFFF)
        fault(name, f"{name} overflows", bytes(changed), code=MALFORMED)
    fault("cut", "cut inside an entry", data[:-1], code=MALFORMED)
    fault("no-list", "no measurement list at all", b"#!/bin/sh\n" * 20,
          code=MALFORMED)
