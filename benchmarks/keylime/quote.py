# SPDX-License-Identifier: Apache-2.0
"""Keylime verifies a quote, again and again; run by Keylime's own Python.

Reads a folder of tests/vectors/quotes, takes so many short turns and prints
how many quotes a second its best turn made.

    python quote.py FOLDER TURNS
"""

import json
import pathlib
import struct
import sys
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from keylime.tpm import tpm_util

NONCE = bytes.fromhex("00112233445566778899aabbccddeeff" * 2)
CALLS = 20
_SHA256 = 0x000B
_ECC = 0x0023


def pem_of(tpm2b):
    """Return a key's PEM, the form in which Keylime keeps keys.

    Its fields stand at the end of the public area, of what type ever.
    """
    if int.from_bytes(tpm2b[2:4], "big") == _ECC:
        y, x = tpm2b[-32:], tpm2b[-66:-34]
        key = ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"),
            ec.SECP256R1()).public_key()
    else:
        key = rsa.RSAPublicNumbers(
            65537, int.from_bytes(tpm2b[-256:], "big")).public_key()
    return key.public_bytes(serialization.Encoding.PEM,
                            serialization.PublicFormat.SubjectPublicKeyInfo)


def pcr_blob(values):
    """Write registers as tpm2-tools do, which is what Keylime reads."""
    chosen = sum(1 << int(index) for index in values)
    blob = struct.pack("<I", 1)
    for bank in range(16):
        blob += (struct.pack("<HB", _SHA256, 3) + chosen.to_bytes(3, "little")
                 if not bank else bytes(6)) + bytes(2)
    digests = [bytes.fromhex(values[i]) for i in sorted(values, key=int)]
    lists = [digests[i:i + 8] for i in range(0, len(digests), 8)]
    blob += struct.pack("<I", len(lists))
    for some in lists:
        blob += struct.pack("<I", len(some))
        for digest in some + [b""] * (8 - len(some)):
            blob += struct.pack("<H", len(digest)) + digest.ljust(64, b"\0")
    return blob


def main():
    """Print quotes a second."""
    folder, turns = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    key = pem_of((folder / "ak.tpm2b_public").read_bytes())
    attest = (folder / "quote.attest").read_bytes()
    signature = (folder / "quote.sig").read_bytes()
    blob = pcr_blob(json.loads((folder / "pcrs.json").read_text()))
    best = 0.0
    for _ in range(turns):
        start = time.perf_counter()
        for _ in range(CALLS):
            tpm_util.checkquote(key, NONCE, signature, attest, blob,
                                "sha256")
        best = max(best, CALLS / (time.perf_counter() - start))
    print(best)


if __name__ == "__main__":
    main()
