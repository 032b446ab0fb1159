# SPDX-License-Identifier: Apache-2.0
"""Quotes verified a second, on one core: we, Keylime, and OpenSSL alone.

The limit is verifying that signature and nothing else: what OpenSSL does when
it is called with everything prepared, or what ``openssl speed`` says if that
is more.  All take turns of a few milliseconds on one core, many times, and
the best turn of each counts: whatever else the machine does makes a turn only
slower.

    python -m benchmarks.quote [--rounds N]

Keylime is asked when NTL_KEYLIME_PYTHON names the Python of its environment.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import (
    encode_dss_signature)

from attestation_service.core.tpm.attestation_key import load_attestation_key
from attestation_service.core.tpm.quote import verify_quote
from attestation_service.core.tpm.structures import (
    Public, Signature, untpm2b)
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.digests import PcrBank

HERE = pathlib.Path(__file__).resolve().parent
QUOTES = HERE.parent / "tests" / "vectors" / "quotes"
NONCE = bytes.fromhex("00112233445566778899aabbccddeeff" * 2)
KEYLIME = "NTL_KEYLIME_PYTHON"
CALLS = 20
#: Folder of the quote, what it is, OpenSSL's name of it, our target.
KINDS = (("cli-ecc", "ECC P-256", "ecdsap256", 0.80),
         ("cli-rsa", "RSA 2048", "rsa2048", None))


def turns(folder: pathlib.Path) -> Iterator[Callable[[], Any]]:
    """Make our turn and OpenSSL's; what a service keeps is made before."""
    area = untpm2b((folder / "ak.tpm2b_public").read_bytes(), "AK")
    attest = (folder / "quote.attest").read_bytes()
    signature = (folder / "quote.sig").read_bytes()
    pcrs = PcrBank.from_dict({"sha256": encoding.loads(
        (folder / "pcrs.json").read_bytes(), max_size=10_000)})
    ak, selection = load_attestation_key(area), pcrs.selection
    yield lambda: verify_quote(attest, signature, pcrs, ak=ak, nonce=NONCE,
                               selection=selection)
    key, parts = Public.parse(area).key, Signature.parse(signature).parts
    if isinstance(key, ec.EllipticCurvePublicKey):
        der = encode_dss_signature(*(int.from_bytes(p) for p in parts))
        ecdsa = ec.ECDSA(hashes.SHA256())
        yield lambda: key.verify(der, attest, ecdsa)
    else:
        pad, sha256 = padding.PKCS1v15(), hashes.SHA256()
        yield lambda: key.verify(parts[0], attest, pad, sha256)


def best(rounds: int, calls: list[Callable[[], Any]]) -> list[float]:
    """Let each have its turn, so often; return the best rate of each."""
    rates = [0.0] * len(calls)
    for _ in range(rounds):
        for place, call in enumerate(calls):
            start = time.perf_counter()
            for _ in range(CALLS):
                call()
            rates[place] = max(rates[place],
                               CALLS / (time.perf_counter() - start))
    return rates


def openssl(name: str) -> float:
    """Ask OpenSSL how many signatures it verifies a second."""
    said = _run("openssl", "speed", "-seconds", "2", name)
    return float(re.findall(r"([\d.]+)\s*$", said)[-1])


def _run(*words: str) -> str:
    return subprocess.run(  # noqa: S603
        words, check=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True).stdout.strip()


def main() -> int:
    """Print the table; 0 when targets are met."""
    parser = argparse.ArgumentParser(description="quotes verified a second")
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    # Children stay on the same core.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    missed = False
    print(f"{'quotes a second':16} {'project':>8} {'Keylime':>8} "
          f"{'OpenSSL':>8} {'speed':>8} {'of limit':>8} {'target':>6}")
    for place, what, name, target in KINDS:
        folder = QUOTES / place
        we, alone = best(rounds, list(turns(folder)))
        speed = openssl(name)
        keylime = float(_run(
            os.environ[KEYLIME], str(HERE / "keylime" / "quote.py"),
            str(folder), str(rounds))) if KEYLIME in os.environ else None
        share = we / max(alone, speed)
        missed |= target is not None and share < target
        print(f"{what:16} {we:8.0f} "
              f"{'-' if keylime is None else f'{keylime:.0f}':>8} "
              f"{alone:8.0f} {speed:8.0f} {share:8.0%} "
              f"{'' if target is None else f'{target:.0%}':>6}", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
