# SPDX-License-Identifier: Apache-2.0
"""What a tenant can prove of her server, without trusting the cloud.

In: receipts and proofs as the service hands them out, the service's public
keys, and what the tenant knows herself.  Out: a :class:`Report` whose every
statement is a sentence.  The signature and the log are always checked; what
she does not give (her nonce, the image's digest) is not, and the report says
so.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.client import errors
from nova_trusted_launch.client import trust
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.receipts import Checkpoint
from nova_trusted_launch.wire.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the tenant knows herself; None is not checked."""

    instance_id: str
    project_id: str | None = None
    profile: str | None = None
    image_id: str | None = None
    image_digest: bytes | None = None
    nonce: bytes | None = None
    hardware: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that was proven, refuted or left open (``holds`` None)."""

    what: str
    holds: bool | None
    detail: str

    @property
    def word(self) -> str:
        """The outcome in a word."""
        return {True: "proven", False: "REFUTED", None: "not checked"}[
            self.holds]


@dataclass(frozen=True, slots=True)
class Report:
    """All statements about one server, with the receipt they rest on."""

    receipt: Receipt
    checkpoint: Checkpoint
    index: int
    statements: tuple[Statement, ...]

    @property
    def verified(self) -> bool:
        """Whether nothing was refuted and something was proven."""
        return (any(s.holds is True for s in self.statements)
                and all(s.holds is not False for s in self.statements))


def verify_server(client: Any, expected: Expectation, *,
                  jwks: dict[str, Any] | None = None) -> Report:
    """Fetch and check the newest receipt of an instance.

    ``client`` is a TrustedLaunchClient; ``jwks`` the service's public keys
    when the tenant has them from elsewhere.  Every receipt of the instance is
    checked against the log, the newest against the expectation.

    :raises Refused: RECEIPT_UNKNOWN: there is no receipt.
    :raises Untrusted: a signature does not verify.
    """
    verifier = trust.Verifier(jwks if jwks is not None else client.jwks())
    found = client.receipts_list(instance_id=expected.instance_id)
    if not found:
        raise errors.Refused(
            Code.RECEIPT_UNKNOWN, "the service has no receipt for this "
            "server", action=Code.RECEIPT_UNKNOWN.action)
    newest = max(found, key=lambda entry: entry["index"])
    receipt = verifier.receipt(newest["receipt"])
    checkpoint = verifier.checkpoint(client.checkpoint())
    return Report(receipt, checkpoint, newest["index"], (
        Statement("signature", True,
                  "the attestation service signed the receipt"
                  + ("" if jwks is not None else
                     " (with keys that it handed out itself just now)")),
        *(_logged(client, entry, checkpoint) for entry in found),
        *_expectations(receipt, expected)))


def verify_log(client: Any, known: Checkpoint | None, *,
               jwks: dict[str, Any] | None = None) -> Checkpoint:
    """Check that the log only grew since ``known``; return its checkpoint.

    :raises Untrusted: a signature does not verify, or the log was changed.
    """
    verifier = trust.Verifier(jwks if jwks is not None else client.jwks())
    new = verifier.checkpoint(client.checkpoint())
    if known is None:
        return new
    try:
        if known.origin != new.origin:
            raise WireError("the checkpoint is of another log")
        proof = client.log_consistency(known.size, new.size)
        receipts.verify_consistency(
            known.size, known.root, new.size, new.root,
            [encoding.unhex(step, "path") for step in proof["path"]])
    except (WireError, errors.Refused) as exc:
        raise trust.Untrusted(f"the log was changed: {exc}") from exc
    return new


def _logged(client: Any, entry: dict[str, Any],
            checkpoint: Checkpoint) -> Statement:
    index = entry["index"]
    what = f"log entry {index}"
    try:
        proof = client.log_inclusion(index, checkpoint.size)
        receipts.verify_inclusion(
            receipts.leaf_hash(entry["receipt"]), index, checkpoint.size,
            [encoding.unhex(step, "path") for step in proof["path"]],
            checkpoint.root)
    except (WireError, errors.Refused, KeyError, TypeError) as exc:
        return Statement(what, False, f"not in the log: {exc}")
    return Statement(what, True, "the receipt stands in the log of "
                     f"{checkpoint.size} entries")


def _expectations(receipt: Receipt,
                  expected: Expectation) -> Iterator[Statement]:
    yield _equal("instance", receipt.instance_id, expected.instance_id)
    yield _equal("project", receipt.project_id, expected.project_id)
    profiles = dict(receipt.profiles)
    names = ", ".join(f"{n} version {v}" for n, v in profiles.items())
    yield _judge("profile", f"the host satisfied {names}", expected.profile,
                 lambda wanted: wanted in profiles)
    yield _equal("image", receipt.image_id, expected.image_id)
    digest = receipt.image_digest
    yield _judge("image digest",
                 "none is recorded" if digest is None else digest.hex(),
                 expected.image_digest, lambda wanted: wanted == digest)
    yield _judge("nonce", f"SHA-256 of it is {receipt.nonce_digest.hex()}",
                 expected.nonce, lambda nonce: hmac.compare_digest(
                     hashlib.sha256(nonce).digest(), receipt.nonce_digest))
    yield _judge("hardware", "the TPM is a hardware TPM" if receipt.hardware
                 else "the TPM is a software TPM: good for trials only",
                 expected.hardware or None, lambda _: receipt.hardware)


def _equal(what: str, actual: str | None, wanted: str | None) -> Statement:
    return _judge(what, f"the receipt names {actual}", wanted,
                  lambda value: value == actual)


def _judge(what: str, detail: str, wanted: Any,
           holds: Callable[[Any], bool]) -> Statement:
    if wanted is None:
        return Statement(what, None, detail)
    if holds(wanted):
        return Statement(what, True, detail)
    shown = "" if isinstance(wanted, (bytes, bool)) else f", not {wanted}"
    return Statement(what, False, detail + shown)
