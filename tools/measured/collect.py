# SPDX-License-Identifier: Apache-2.0
"""Make a folder of evidence of a guest that was booted.

    python -m tools.measured.collect CONSOLE CONTROL NONCE FOLDER

The logs stand on the guest's serial line (``init.sh``).  The quote, and the
endorsement, come from the guest's TPM by the agent's own code; CONTROL is
the control socket of its swtpm.
"""

from __future__ import annotations

import base64
import json
import pathlib
import re
import sys

from nova_trusted_launch.agent.tpm import TpmError
from nova_trusted_launch.agent.tpm_tss.line import TssOptions
from nova_trusted_launch.agent.tpm_tss.tpm import TssTpm
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from tools.measured.line import lent

UNIQUE = b"measured host".ljust(32, b"\0")
SELECTION = PcrSelection(HashAlg.SHA256, frozenset(range(15)))
KINDS = {"ek-p384": "ek_ecc.der", "ek-p256": "ek_ecc.der",
         "ek-rsa2048": "ek_rsa.der"}
# An early kernel's messages get in between; base64 has none of their bytes.
_FILE = re.compile(rb"MEASURED-BEGIN (\w+)\r?\n(.*?)MEASURED-END \1",
                   re.DOTALL)
_NOISE = re.compile(rb"^\[ *[0-9.]+\] .*$", re.MULTILINE)


def logs_of(console: bytes) -> dict[str, bytes]:
    """Read the files that the guest told."""
    return {name.decode(): base64.b64decode(_NOISE.sub(b"", text))
            for name, text in _FILE.findall(console)}


def certificates(tcti: str) -> dict[str, bytes]:
    """Read the certificate of each endorsement key there is."""
    found: dict[str, bytes] = {}
    for kind, name in KINDS.items():
        tpm = TssTpm(TssOptions(tcti, (kind,)))
        try:
            found.setdefault(name, tpm.endorsement().certificate)
        except TpmError:
            continue
    return found


def quote_of(tcti: str, nonce: str) -> dict[str, bytes]:
    """Have the registers quoted that the boot left behind."""
    tpm = TssTpm(TssOptions(tcti))
    public = tpm.ak_public(UNIQUE)
    quoted = tpm.quote(UNIQUE, bytes.fromhex(nonce), SELECTION)
    return {
        "ak.tpm2b_public": len(public).to_bytes(2, "big") + public,
        "quote.attest": quoted.attest, "quote.sig": quoted.signature,
        "pcrs.json": json.dumps(quoted.pcrs.to_dict(), indent=1).encode(),
        "nonce": nonce.encode()}


def main(console: str, control: str, nonce: str, folder: str) -> int:
    """Write the folder."""
    files = logs_of(pathlib.Path(console).read_bytes())
    with lent(control) as tcti:
        files |= quote_of(tcti, nonce) | certificates(tcti)
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (target / name).write_bytes(data)
        print(f"  {name:20} {len(data):8} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
