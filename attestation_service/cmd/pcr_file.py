# SPDX-License-Identifier: Apache-2.0
"""PCR values in a JSON file: ``{register: hex}`` or ``{bank: {...}}``."""

from __future__ import annotations

from typing import Any

from attestation_service.cmd.offline import UsageError, parse_hex, read_json
from attestation_service.core.errors import (
    MalformedEvidence, UnauthenticEvidence)
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from nova_trusted_launch.wire.encoding import WireError

# Banks that TPMs have and nobody should believe.
_REFUSED = {"sha1", "sm3_256", "sm3-256"}


def read_pcrs(path: str) -> dict[HashAlg, PcrBank]:
    """Read PCR values by bank; registers without a bank are SHA-256's.

    Banks of SHA-1 and the like are left out: tools dump them along.

    :raises MalformedEvidence: another form.
    :raises UnauthenticEvidence: there is nothing else.
    :raises UsageError: the file cannot be read.
    """
    value = read_json(path)
    if not isinstance(value, dict) or not value:
        raise MalformedEvidence(f"{path}: not an object of PCR values")
    if all(isinstance(inner, str) for inner in value.values()):
        value = {"sha256": value}
    usable = {label: inner for label, inner in value.items()
              if label.lower() not in _REFUSED}
    if not usable:
        raise UnauthenticEvidence(
            f"{path}: a bank of {' or '.join(value)} is never accepted: its "
            "values can be forged")
    try:
        banks = [PcrBank.from_dict({label.lower(): _plain(inner)})
                 for label, inner in usable.items()]
    except (WireError, UsageError) as exc:
        raise MalformedEvidence(f"{path}: {exc}") from exc
    found = {bank.alg: bank for bank in banks}
    if len(found) != len(banks):
        raise MalformedEvidence(f"{path}: a bank stands twice")
    return found


def _plain(bank: Any) -> Any:
    """Write the values of a bank as the wire has them."""
    if not isinstance(bank, dict):
        return bank
    return {register: parse_hex(digest, f"PCR {register}").hex()
            if isinstance(digest, str) else digest
            for register, digest in bank.items()}
