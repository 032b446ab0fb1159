#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Feed mutated evidence to the verifying core: nothing crashes or passes.

Takes the captured quotes, keys and certificates of tests/vectors and changes
them at random: bits, bytes, lengths, cuts, insertions, pieces of each other.
Every input must be refused with a code.  Any other exception, and any input
that is believed though it is not what was captured, ends the run with the
seed that shows it again.

    tools/mutated_inputs.py [--count 1000000] [--seed N]
"""

from __future__ import annotations

import argparse
import datetime
import pathlib
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from attestation_service.core.endorsement import (  # noqa: E402
    TrustAnchors, verify_endorsement)
from attestation_service.core.errors import EvidenceError  # noqa: E402
from attestation_service.core.tpm.quote import (  # noqa: E402
    load_attestation_key, verify_quote)
from attestation_service.core.tpm.structures import (  # noqa: E402
    Public, untpm2b)
from nova_trusted_launch.wire import encoding  # noqa: E402
from nova_trusted_launch.wire.digests import PcrBank  # noqa: E402

VECTORS = ROOT / "tests" / "vectors"
NONCE = bytes.fromhex("00112233445566778899aabbccddeeff" * 2)
NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
EVERY = 100_000
# How many of a thousand inputs are of each kind; certificates take longest.
SHARES = {"quote": 480, "signature": 400, "key": 80, "certificate": 40}


@dataclass(frozen=True, slots=True)
class Target:
    """Bytes that are believed as they are, and what believes them."""

    kind: str
    genuine: bytes
    believe: Callable[[bytes], object]


def targets() -> Iterator[Target]:
    """Make a target of everything that was captured."""
    for folder in sorted((VECTORS / "quotes").iterdir()):
        if folder.is_dir():
            yield from _of_a_quote(folder)
    pems = [p.read_bytes() for p in (VECTORS / "ek-ca").glob("*.pem")]
    anchors = TrustAnchors.of(software=pems)
    area = (VECTORS / "quotes" / "cli-ecc" / "ek.pub").read_bytes()[2:]
    for path in sorted((VECTORS / "ek-certificates").glob("*.der")):
        # The area is another TPM's: even a genuine certificate must fail.
        yield Target("certificate", path.read_bytes(),
                     lambda der: verify_endorsement(
                         der, (), area, anchors=anchors, now=NOW))


def _of_a_quote(folder: pathlib.Path) -> Iterator[Target]:
    attest = (folder / "quote.attest").read_bytes()
    signature = (folder / "quote.sig").read_bytes()
    area = untpm2b((folder / "ak.tpm2b_public").read_bytes(), "AK")
    pcrs = PcrBank.from_dict({"sha256": encoding.loads(
        (folder / "pcrs.json").read_bytes(), max_size=10_000)})
    ak = load_attestation_key(area)

    def quote(attest: bytes, signature: bytes) -> object:
        return verify_quote(attest, signature, pcrs, ak=ak, nonce=NONCE,
                            selection=pcrs.selection)

    quote(attest, signature)
    yield Target("quote", attest, lambda data: quote(data, signature))
    yield Target("signature", signature, lambda data: quote(attest, data))
    # A changed public area may be a key, but never one of the same Name.
    yield Target("key", area, lambda data: _another_key(data, ak.name))


def _another_key(area: bytes, name: bytes) -> None:
    if load_attestation_key(area).name != name:
        raise EvidenceError("another key")
    Public.parse(area)


def mutate(data: bytes, spare: bytes, chance: random.Random) -> bytes:
    """Change one to four places."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(out) + 1)
        size = chance.choice((1, 1, 2, 4, 16))
        match chance.randrange(7):
            case 0 if at < len(out):
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                out[at:at + size] = chance.randbytes(size)
            case 2:
                del out[at:at + size]
            case 3:
                out[at:at] = chance.randbytes(size)
            case 4:
                out[at:at + 2] = chance.choice(
                    (b"\0\0", b"\xff\xff", b"\x7f\xff", b"\0\1"))
            case 5:
                start = chance.randrange(len(spare))
                out[at:at + size] = spare[start:start + size]
            case _:
                del out[at:]
    return bytes(out)


def main() -> int:
    """Run; return 0 when every input was refused as it should."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)  # noqa: S311 - to be repeated
    known = list(targets())
    kinds = random.Random(0).choices(  # noqa: S311
        list(SHARES), list(SHARES.values()), k=1000)
    by_kind = {kind: [t for t in known if t.kind == kind] for kind in SHARES}
    spare = b"".join(t.genuine for t in known)
    refused: dict[str, int] = {}
    start = time.monotonic()
    for i in range(args.count):
        target = chance.choice(by_kind[kinds[i % 1000]])
        data = mutate(target.genuine, spare, chance)
        try:
            target.believe(data)
        except EvidenceError as exc:
            name = type(exc).__name__
            refused[name] = refused.get(name, 0) + 1
        except Exception as exc:  # noqa: BLE001 - what we look for
            return _found(args.seed, i, target, data, f"crashed: {exc!r}")
        else:
            if data != target.genuine:
                return _found(args.seed, i, target, data, "was believed")
        if (i + 1) % EVERY == 0:
            rate = (i + 1) / (time.monotonic() - start)
            print(f"{i + 1} inputs, {rate:.0f} a second", flush=True)
    print(f"{args.count} inputs refused: " + ", ".join(
        f"{n} {name}" for name, n in sorted(refused.items())))
    return 0


def _found(seed: int, number: int, target: Target, data: bytes,
           what: str) -> int:
    print(f"seed {seed}, input {number}, {target.kind}: {what}\n"
          f"{data.hex()}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
