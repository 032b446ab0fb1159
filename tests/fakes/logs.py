# SPDX-License-Identifier: Apache-2.0
"""A firmware and a kernel that log truthfully what they extend.

Tests lie in one place: they change one event and keep the registers, or
extend what no honest machine would.  Written apart from the code under test.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import pathlib
import struct
import uuid

from nova_trusted_launch.wire.digests import HashAlg, PcrBank

VECTORS = pathlib.Path(__file__).parents[1] / "vectors"
HASHES = {4: "sha1", 11: "sha256", 12: "sha384", 13: "sha512"}

NO_ACTION, SEPARATOR, EFI_ACTION = 3, 4, 0x80000007
S_CRTM_VERSION, IPL, EVENT_TAG, COMPACT_HASH = 8, 0xD, 6, 0xC
DRIVER_CONFIG, VARIABLE_BOOT, AUTHORITY = 0x80000001, 0x80000002, 0x800000E0
BOOT_APPLICATION, BOOT_DRIVER, GPT = 0x80000003, 0x80000004, 0x80000006
GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
DATABASE = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
SHIM = uuid.UUID("605dab50-e046-4300-abb6-3dd810dd8b23")
X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
SHA256_SIGNATURE = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328")


def hashed(alg, data):
    return hashlib.new(HASHES[alg], data).digest()


@dataclasses.dataclass
class Event:
    register: int
    type: int
    digests: dict
    data: bytes

    def dump(self):
        return (struct.pack("<III", self.register, self.type,
                            len(self.digests))
                + b"".join(struct.pack("<H", alg) + digest
                           for alg, digest in self.digests.items())
                + struct.pack("<I", len(self.data)) + self.data)


class BootLog:
    """A crypto-agile log and the registers it led to."""

    def __init__(self, algs=(11,), sizes=None):
        self.algs = algs
        self.sizes = sizes or {
            alg: hashlib.new(HASHES[alg]).digest_size for alg in algs}
        self.vendor = b""
        self.events = []
        # What was extended without being logged, after all that was.
        self.unlogged = []
        self.startup = 0

    def add(self, register, kind, data, measured=None):
        """Measure ``measured`` (all of the data if None) and log it."""
        measured = data if measured is None else measured
        self.events.append(Event(register, kind, {
            alg: hashed(alg, measured) for alg in self.algs}, data))
        return self

    def no_action(self, data, register=0):
        self.events.append(Event(register, NO_ACTION, {
            alg: bytes(size) for alg, size in self.sizes.items()}, data))
        return self

    def copy(self):
        return copy.deepcopy(self)

    def header(self):
        data = (b"Spec ID Event03\0" + struct.pack("<IBBBB", 0, 0, 2, 0, 2)
                + struct.pack("<I", len(self.sizes))
                + b"".join(struct.pack("<HH", alg, size)
                           for alg, size in self.sizes.items())
                + bytes([len(self.vendor)]) + self.vendor)
        return (struct.pack("<II20sI", 0, NO_ACTION, bytes(20), len(data))
                + data)

    def dump(self):
        return self.header() + b"".join(e.dump() for e in self.events)

    def legacy(self):
        """Write the SHA-1 only form."""
        return b"".join(
            struct.pack("<II20sI", e.register, e.type, e.digests[4],
                        len(e.data)) + e.data for e in self.events)

    def registers(self, alg=11):
        """Return what a TPM holds that saw all this."""
        size = hashlib.new(HASHES[alg]).digest_size
        values = {i: bytes(size) for i in range(17)}
        values |= dict.fromkeys(range(17, 23), b"\xff" * size)
        values[0] = bytes(size - 1) + bytes([self.startup])
        for event in self.events:
            if event.type != NO_ACTION and alg in event.digests:
                values[event.register] = hashed(
                    alg, values[event.register] + event.digests[alg])
        for register, data in self.unlogged:
            values[register] = hashed(
                alg, values[register] + hashed(alg, data))
        return values

    def pcrs(self, alg=11, only=range(15)):
        values = self.registers(alg)
        return PcrBank(HashAlg(alg), {i: values[i] for i in only})


def load(path):
    """Read a captured log of one SHA-256 bank, and nothing fancier."""
    data = path.read_bytes()
    at = 32 + struct.unpack_from("<I", data, 28)[0]
    log = BootLog()
    while at < len(data):
        register, kind, count, alg = struct.unpack_from("<IIIH", data, at)
        assert (count, alg) == (1, 11)
        size = struct.unpack_from("<I", data, at + 46)[0]
        log.events.append(Event(
            register, kind, {11: data[at + 14:at + 46]},
            data[at + 50:at + 50 + size]))
        at += 50 + size
    assert log.dump() == data
    return log


def pcrs_of(host):
    """Return the registers of a captured host."""
    values = json.loads((VECTORS / "hosts" / host / "pcrs.json").read_text())
    return PcrBank(HashAlg.SHA256, {
        int(i): bytes.fromhex(value) for i, value in values.items()})


def variable(vendor, name, data):
    """Make UEFI_VARIABLE_DATA."""
    return (vendor.bytes_le + struct.pack("<QQ", len(name), len(data))
            + name.encode("utf-16-le") + data)


def signature_list(kind, *entries, owner=SHIM):
    """Make an EFI_SIGNATURE_LIST of equally long entries."""
    size = 16 + len(entries[0])
    return (kind.bytes_le
            + struct.pack("<III", 28 + size * len(entries), 0, size)
            + b"".join(owner.bytes_le + entry for entry in entries))


def capped(log, registers=range(8)):
    for register in registers:
        log.add(register, SEPARATOR, bytes(4))
    return log


KEYS = signature_list(SHA256_SIGNATURE, b"\1" * 32)


def secure_log(enabled=b"\1", *, algs=(11,), keys=KEYS):
    """A small boot with Secure Boot on."""
    log = BootLog(algs)
    log.add(0, S_CRTM_VERSION, "Firmware 1".encode("utf-16-le") + b"\0\0")
    for vendor, name, data in (
            (GLOBAL, "SecureBoot", enabled), (GLOBAL, "PK", keys),
            (GLOBAL, "KEK", keys), (DATABASE, "db", keys),
            (DATABASE, "dbx", b"")):
        log.add(7, DRIVER_CONFIG, variable(vendor, name, data))
    capped(log)
    log.add(7, AUTHORITY, variable(
        DATABASE, "db", SHIM.bytes_le + b"\1" * 32))
    return log


@dataclasses.dataclass
class ImaEntry:
    data: bytes
    template: str = "ima-ng"
    register: int = 10
    violation: bool = False
    claimed: bytes | None = None

    @property
    def hash(self):
        if self.claimed is not None:
            return self.claimed
        return bytes(20) if self.violation else hashlib.sha1(
            self.data).digest()

    def dump(self):
        name = self.template.encode()
        return (struct.pack("<I", self.register) + self.hash
                + struct.pack("<I", len(name)) + name
                + struct.pack("<I", len(self.data)) + self.data)


def sized(data):
    return struct.pack("<I", len(data)) + data


def ima_file(path, contents=b"", *, template="ima-ng", signature=b"",
             alg="sha256", **more):
    """The entry of a file with these contents."""
    digest = hashlib.new(alg, contents).digest()
    kind = "ima:" if template.endswith("v2") else ""
    data = (sized(f"{kind}{alg}:\0".encode() + digest)
            + sized(path.encode() + b"\0"))
    if template in ("ima-sig", "ima-sigv2", "ima-buf"):
        data += sized(signature)
    return ImaEntry(data, template, **more)


class ImaList:
    """A measurement list and the register it led to."""

    def __init__(self, entries=()):
        self.entries = list(entries)

    def copy(self):
        return copy.deepcopy(self)

    def dump(self):
        return b"".join(entry.dump() for entry in self.entries)

    def ascii(self):
        return b"".join(_line(entry) for entry in self.entries)

    def value(self, alg="sha256"):
        """Return what register 10 holds after all entries."""
        size = hashlib.new(alg).digest_size
        value = bytes(size)
        for entry in self.entries:
            if entry.register == 10:
                digest = b"\xff" * size if entry.violation else (
                    hashlib.new(alg, entry.data).digest())
                value = hashlib.new(alg, value + digest).digest()
        return value

    def pcrs(self, others=None, alg=HashAlg.SHA256):
        values = dict(others or {})
        values[10] = self.value(alg.label)
        return PcrBank(alg, values)


def _line(entry):
    fields, at = [], 0
    while at < len(entry.data):
        size = struct.unpack_from("<I", entry.data, at)[0]
        fields.append(entry.data[at + 4:at + 4 + size])
        at += 4 + size
    prefix, digest = fields[0].split(b"\0", 1)
    texts = [prefix + digest.hex().encode(), fields[1][:-1],
             *(field.hex().encode() for field in fields[2:])]
    return b" ".join([b"%2d" % entry.register, entry.hash.hex().encode(),
                      entry.template.encode(), *texts]) + b"\n"


def load_ima(path, count=None):
    """Read a captured binary list."""
    data, at, found = path.read_bytes(), 0, ImaList()
    while at < len(data) and len(found.entries) != count:
        register, claimed, size = struct.unpack_from("<I20sI", data, at)
        name = data[at + 28:at + 28 + size].decode()
        at += 28 + size
        size = struct.unpack_from("<I", data, at)[0]
        found.entries.append(ImaEntry(
            data[at + 4:at + 4 + size], name, register,
            violation=not any(claimed)))
        at += 4 + size
    return found
