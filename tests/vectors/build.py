#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the synthetic faults of ATTACKS.md's part C from a captured host.

Run it from the top of the tree: ``python -m tests.vectors.build``.  It writes
``tests/vectors/faults``; the same input gives the same bytes, and a test
demands that nothing changes.

Each fault is a folder: what an attacker sends (``boot_log`` or ``ima_list``,
and ``pcrs.json``, the registers that his TPM would quote), and
``expected.json``: the attack, a sentence, and what must come of it: the code
of a refusal, or facts that no profile takes for a yes.
"""

from __future__ import annotations

import pathlib
import shutil
import struct
import sys

from tests.fakes import logs
from tests.vectors.ima_faults import ima
from tests.vectors.writing import HOST, MALFORMED, UNAUTHENTIC, Writer

FAULTS = logs.VECTORS / "faults"


def captured():
    """Return the log of the captured host, and its registers."""
    log = logs.load(HOST / "bios_measurements")
    return log, {i: v for i, v in logs.pcrs_of("sb-tcg").values.items()
                 if i < 15 and i != 10}


def find(log, kind, text):
    """Return the event of a type whose data holds a text."""
    return next(e for e in log.events if e.type == kind and text in e.data)


def wide(text):
    return text.encode("utf-16-le")


def banks(write):
    log, good = captured()
    for name, byte in (("zero", b"\0"), ("ones", b"\xff")):
        write.boot(f"c1-all-{name}", "C1", "the quoted bank was never used",
                   log, dict.fromkeys(good, byte * 32), code=UNAUTHENTIC)
    bare = log.copy()
    bare.events = [e for e in bare.events if e.type != logs.SEPARATOR]
    write.boot("c2-no-separators", "C2",
               "a bank the firmware does not extend, extended from the "
               "operating system with a log that lacks the separators",
               bare, code=UNAUTHENTIC)
    one = log.copy()
    one.events.remove(next(e for e in one.events
                           if e.type == logs.SEPARATOR and e.register == 4))
    write.boot("c2-one-separator-missing", "C2",
               "register 4 was never capped", one, code=UNAUTHENTIC)
    error = log.copy()
    error.add(3, logs.SEPARATOR, b"\1\0\0\0")
    write.boot("c2-error-separator", "C2",
               "the firmware says that it failed to measure", error,
               code=UNAUTHENTIC)

    sha1 = logs.secure_log(algs=(4, 11))
    write.boot("c3-sha1-only", "C3", "a log of the SHA-1 bank alone",
               sha1.legacy(), sha1.pcrs().values, code=UNAUTHENTIC)
    odd = logs.BootLog((11,), {0x7777: 32})
    odd.events = [logs.Event(e.register, e.type, {0x7777: e.digests[11]},
                             e.data) for e in log.events]
    write.boot("c3-unknown-bank", "C3", "a log of a bank nobody knows",
               odd.dump(), good, code=UNAUTHENTIC)
    write.boot("c4-another-bank", "C4",
               "a SHA-384 quote with the log of the SHA-256 bank", log,
               logs.secure_log(algs=(12,)).pcrs(12).values, code=UNAUTHENTIC)


def types_and_data(write):
    log, good = captured()
    hidden = log.copy()
    hidden.events.remove(find(hidden, logs.DRIVER_CONFIG,
                              wide("SecureBoot")))
    hidden.add(7, logs.COMPACT_HASH, logs.variable(
        logs.GLOBAL, "SecureBoot", b"\0"))
    hidden.events.insert(3, hidden.events.pop())
    hidden.add(7, logs.DRIVER_CONFIG, logs.variable(
        logs.GLOBAL, "SecureBoot", b"\1"))
    write.boot("c5-secure-boot-hidden", "C5",
               "Secure Boot was off; that event goes by another type, and "
               "one that says on was extended later", hidden,
               secure_boot=None)
    no_action = log.copy()
    find(no_action, logs.DRIVER_CONFIG, wide("SecureBoot")).type = (
        logs.NO_ACTION)
    write.boot("c5-no-action", "C5",
               "an event is passed off as one that is not extended",
               no_action, good, code=UNAUTHENTIC)
    relabelled = log.copy()
    evil = b"/vmlinuz root=/dev/vdb rdinit=/evil"
    relabelled.add(8, logs.IPL, b"grub_cmd: " + evil + b"\0", measured=evil)
    write.boot("c5-command-line-relabelled", "C5",
               "the true command line goes by the label of a command",
               relabelled, command_line=evil.decode())
    uncapped = log.copy()
    for event in uncapped.events:
        if event.type == logs.SEPARATOR and event.register == 7:
            event.type = logs.EFI_ACTION
    write.boot("c5-separator-relabelled", "C5",
               "the separator goes by another type", uncapped, good,
               code=UNAUTHENTIC)

    for name, kind, old, new in (
            ("variable", logs.VARIABLE_BOOT, b"", b"X"),
            ("authority", logs.AUTHORITY, b"sbat,1,2", b"sbat,1,9"),
            ("action", logs.EFI_ACTION, b"Success", b"Failure"),
            ("separator", logs.SEPARATOR, bytes(4), b"\0\0\0\2"),
            ("command", logs.IPL, b"ima_policy=tcb", b"ima_policy=non")):
        changed = log.copy()
        event = find(changed, kind, old)
        event.data = event.data.replace(old, new) if old else (
            event.data[:-1] + new)
        write.boot(f"c6-{name}", "C6",
                   f"the data of an event ({name}) was changed", changed,
                   good, code=UNAUTHENTIC)


def order(write):
    log, good = captured()
    appended = log.copy()
    appended.add(7, logs.AUTHORITY, logs.variable(
        logs.DATABASE, "db", logs.SHIM.bytes_le + b"\1" * 32))
    write.boot("c7-appended", "C7", "an event behind the separator that the "
               "TPM never saw", appended, good, code=UNAUTHENTIC)
    for name in ("removed", "duplicated", "reordered"):
        for register in (0, 4, 7, 8, 9, 14):
            changed = log.copy()
            where = [i for i, e in enumerate(changed.events)
                     if e.register == register]
            first, second = where[0], where[1]
            if name == "removed":
                del changed.events[first]
            elif name == "duplicated":
                changed.events.insert(first, changed.events[first])
            else:
                changed.events[first], changed.events[second] = (
                    changed.events[second], changed.events[first])
            if register in (0, 7):
                write.boot(f"c7-{name}-{register}", "C7",
                           f"an event of register {register} was {name}",
                           changed, good, code=UNAUTHENTIC)
            else:
                # Short ones: the whole point is in one register.
                changed.events = [e for e in changed.events
                                  if len(e.data) < 300]
                kept = {i: good[i] for i in (register,)}
                write.boot(f"c7-{name}-{register}", "C7",
                           f"an event of register {register} was {name}",
                           changed, kept, code=UNAUTHENTIC)
    twice = log.copy()
    twice.add(7, logs.SEPARATOR, bytes(4))
    write.boot("c7-separator-twice", "C7", "register 7 has two separators",
               twice, secure_boot=None)
    late = log.copy()
    late.add(7, logs.DRIVER_CONFIG, logs.variable(
        logs.GLOBAL, "AuditMode", b"\1"))
    write.boot("c7-variable-after-separator", "C7",
               "a configuration variable behind the separator", late,
               secure_boot=None)


def no_action(write):
    small = logs.secure_log()
    good = small.pcrs().values

    def with_locality(data, register=0, where=0, log=small):
        changed = log.copy()
        changed.no_action(b"StartupLocality\0" + data, register=register)
        changed.events.insert(where, changed.events.pop())
        return changed

    write.boot("c8-locality-lie", "C8",
               "the TPM was started from another locality than the log says",
               with_locality(b"\3"), good, code=UNAUTHENTIC)
    for name, changed in (
            ("late", with_locality(b"\3", where=1)),
            ("register", with_locality(b"\3", register=1)),
            ("unknown", with_locality(b"\2")),
            ("short", with_locality(b"")),
            ("twice", with_locality(b"\0", log=with_locality(b"\3",
                                                             where=9)))):
        write.boot(f"c8-locality-{name}", "C8",
                   f"StartupLocality misused: {name}", changed, good,
                   code=MALFORMED)
    off = logs.secure_log(b"\0")
    off.no_action(logs.variable(logs.GLOBAL, "SecureBoot", b"\1"),
                  register=7)
    off.events.insert(0, off.events.pop())
    write.boot("c8-no-action-variable", "C8",
               "an event that is not extended says that Secure Boot is on",
               off, secure_boot=False)


def digests_and_sizes(write):
    two = logs.secure_log(algs=(11, 12))
    missing = two.copy()
    del missing.events[3].digests[11]
    write.boot("c9-no-digest", "C9",
               "an event has no digest for the quoted bank", missing,
               two.pcrs().values, code=UNAUTHENTIC)
    none = two.copy()
    none.events[3].digests = {}
    write.boot("c9-no-digests", "C9", "an event has no digest at all", none,
               two.pcrs().values, code=UNAUTHENTIC)

    small = logs.secure_log()
    good, data = small.pcrs().values, small.dump()
    first = len(small.header())
    for name, offset, form, value in (
            ("digest-count", first + 8, "<I", 0xFFFFFFFF),
            ("event-size", first + 46, "<I", 0xFFFFFFFF),
            ("bank-count", 56, "<I", 0xFFFFFFFF),
            ("bank-size", 62, "<H", 0xFFFF),
            ("header-size", 28, "<I", 0xFFFFFFFF)):
        changed = bytearray(data)
        struct.pack_into(form, changed, offset, value)
        write.boot(f"c10-{name}", "C10", f"{name} overflows",
                   bytes(changed), good, code=MALFORMED)
    write.boot("c10-truncated", "C10", "cut inside an event", data[:-3],
               good, code=MALFORMED)
    empty = small.copy()
    empty.add(1, 0x10, b"")
    write.boot("c10-zero-length", "C10",
               "an event of no length, not extended", empty, good,
               code=UNAUTHENTIC)
    nested = small.copy()
    nested.add(1, 0x10, small.dump())
    write.boot("c10-nested", "C10", "a log inside an event", nested, good,
               code=UNAUTHENTIC)


def secure_boot(write):
    log, good = captured()
    write.boot("c11-no-log", "C11", "the kernel has no log, though registers "
               "are extended", b"", good, boot=None)
    lie = log.copy()
    event = find(lie, logs.DRIVER_CONFIG, wide("dbx"))
    event.data = logs.variable(logs.DATABASE, "dbx", b"")
    write.boot("c12-dbx-emptied", "C12", "the log says that dbx is another",
               lie, good, code=UNAUTHENTIC)
    off = logs.secure_log(b"\0")
    changed = off.copy()
    changed.events[1].data = changed.events[1].data[:-1] + b"\1"
    write.boot("c12-on-for-off", "C12",
               "the log says on, what was measured says off", changed,
               off.pcrs().values, code=UNAUTHENTIC)
    for name, value in (("two", b"\2"), ("long", b"\1\1")):
        write.boot(f"c12-value-{name}", "C12",
                   "SecureBoot is neither on nor off",
                   logs.secure_log(value), secure_boot=None)
    write.boot("c12-no-keys", "C12", "SecureBoot is on without any key",
               logs.secure_log(keys=b""), secure_boot=None)
    shim = logs.secure_log()
    shim.add(7, logs.AUTHORITY, logs.variable(
        logs.SHIM, "MokSBState", b"\1"))
    write.boot("c12-shim-disabled", "C12",
               "SecureBoot is on and shim was told to load anything", shim,
               secure_boot=True, shim_validates=False)


def build(target: pathlib.Path) -> None:
    """Write every fault into ``target``, which must not exist."""
    write = Writer(target)
    for part in (banks, types_and_data, order, no_action, digests_and_sizes,
                 secure_boot, ima):
        part(write)


def main() -> int:
    readme = (FAULTS / "README.rst").read_text()
    shutil.rmtree(FAULTS)
    build(FAULTS)
    (FAULTS / "README.rst").write_text(readme)
    print(f"{len(list(FAULTS.iterdir())) - 1} faults in {FAULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
