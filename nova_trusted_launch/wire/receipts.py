# SPDX-License-Identifier: Apache-2.0
"""Receipts, checkpoints of the log of receipts, and their proofs.

A receipt and a checkpoint travel as JWTs (ES256) signed by the service; the
functions here work on what is inside, after the signature was verified.  The
tree is that of RFC 6962: a leaf is SHA-256(0x00 || receipt JWT), a node
SHA-256(0x01 || left || right).  A tenant needs nothing else to check a proof.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.release import Action

RECEIPT_TYPE = "trusted-launch-receipt+jwt"
CHECKPOINT_TYPE = "trusted-launch-checkpoint+jwt"
EMPTY_ROOT = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the service vouches for: this VM was released to that host.

    ``profiles`` maps each profile that the host satisfied to its version;
    ``nonce_digest`` is SHA-256 of the tenant's N; ``image_digest`` is SHA-256
    of the image as stored in Glance; ``ak_name`` is the TPM Name of the AK.
    """

    release_id: str
    instance_id: str
    project_id: str
    action: Action
    host: str
    attester_id: str
    ak_name: bytes
    profiles: tuple[tuple[str, int], ...]
    image_id: str | None
    image_digest: bytes | None
    key_id: str | None
    launch_id: str | None
    nonce_digest: bytes
    hardware: bool
    issued_at: datetime.datetime

    def to_claims(self) -> dict[str, Any]:
        """Return the payload of the receipt's JWT."""
        return {
            "release_id": self.release_id, "instance_id": self.instance_id,
            "project_id": self.project_id, "action": self.action.value,
            "host": self.host, "attester_id": self.attester_id,
            "ak_name": self.ak_name.hex(),
            "profiles": dict(self.profiles), "image_id": self.image_id,
            "image_digest": None if self.image_digest is None
            else self.image_digest.hex(),
            "key_id": self.key_id, "launch_id": self.launch_id,
            "nonce_digest": self.nonce_digest.hex(),
            "hardware": self.hardware,
            "issued_at": encoding.timestamp(self.issued_at)}

    @classmethod
    def from_claims(cls, value: Any) -> Receipt:
        """Read a payload whose signature was already verified.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(
            value, "receipt", "release_id", "instance_id", "project_id",
            "action", "host", "attester_id", "ak_name", "profiles",
            "image_id", "image_digest", "key_id", "launch_id",
            "nonce_digest", "hardware", "issued_at")
        if type(v["hardware"]) is not bool:
            raise WireError("receipt: hardware is true or false")
        if not isinstance(v["profiles"], dict) or not v["profiles"]:
            raise WireError("receipt: names no profile")
        return cls(
            encoding.text(v["release_id"], "release_id"),
            encoding.text(v["instance_id"], "instance_id"),
            encoding.text(v["project_id"], "project_id"),
            encoding.member(v["action"], Action, "action"),
            encoding.text(v["host"], "host"),
            encoding.text(v["attester_id"], "attester_id"),
            encoding.unhex(v["ak_name"], "ak_name"),
            tuple(sorted((name, encoding.number(n, name, least=1))
                         for name, n in v["profiles"].items())),
            _optional_text(v["image_id"], "image_id"),
            None if v["image_digest"] is None
            else encoding.unhex(v["image_digest"], "image_digest"),
            _optional_text(v["key_id"], "key_id"),
            _optional_text(v["launch_id"], "launch_id"),
            encoding.unhex(v["nonce_digest"], "nonce_digest"),
            v["hardware"], encoding.untimestamp(v["issued_at"], "issued_at"))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's size and root hash at one time."""

    origin: str
    size: int
    root: bytes
    issued_at: datetime.datetime

    def to_claims(self) -> dict[str, Any]:
        """Return the payload of the checkpoint's JWT."""
        return {"origin": self.origin, "size": self.size,
                "root": self.root.hex(),
                "issued_at": encoding.timestamp(self.issued_at)}

    @classmethod
    def from_claims(cls, value: Any) -> Checkpoint:
        """Read a payload whose signature was already verified.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "checkpoint", "origin", "size", "root",
                            "issued_at")
        return cls(encoding.text(v["origin"], "origin"),
                   encoding.number(v["size"], "size"),
                   encoding.unhex(v["root"], "root"),
                   encoding.untimestamp(v["issued_at"], "issued_at"))


def _optional_text(value: Any, what: str) -> str | None:
    return None if value is None else encoding.text(value, what)


def leaf_hash(receipt: str) -> bytes:
    """Hash a receipt's JWT as a leaf."""
    return hashlib.sha256(b"\0" + receipt.encode("ascii")).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children into their parent."""
    return hashlib.sha256(b"\1" + left + right).digest()


def verify_inclusion(leaf: bytes, index: int, size: int,
                     path: Sequence[bytes], root: bytes) -> None:
    """Prove that ``leaf`` stands at ``index`` in the tree of ``size``.

    "Verifying an Inclusion Proof", RFC 9162.

    :raises WireError: the path does not lead from the leaf to the root.
    """
    if not 0 <= index < size:
        raise WireError("inclusion: no such entry")
    node, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise WireError("inclusion: the path is too long")
        if node & 1 or node == last:
            value = node_hash(sibling, value)
            while not node & 1:
                node, last = node >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        node, last = node >> 1, last >> 1
    if last or value != root:
        raise WireError("inclusion: the path does not lead to the root")


def verify_consistency(first: int, first_root: bytes, second: int,
                       second_root: bytes, path: Sequence[bytes]) -> None:
    """Prove that the tree of size ``first`` is a prefix of ``second``.

    "Verifying Consistency between Two Tree Heads", RFC 9162.

    :raises WireError: an entry was removed or changed, or the proof is none.
    """
    if not 0 <= first <= second:
        raise WireError("consistency: the log has shrunk")
    if first in {0, second}:
        known = EMPTY_ROOT if first == 0 else second_root
        if path or first_root != known:
            raise WireError("consistency: the roots differ")
        return
    steps = list(path)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    if not steps:
        raise WireError("consistency: the path is too short")
    _walk(first - 1, second - 1, steps, first_root, second_root)


def _walk(node: int, last: int, steps: list[bytes], first_root: bytes,
          second_root: bytes) -> None:
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise WireError("consistency: the path is too long")
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, step)
        node, last = node >> 1, last >> 1
    if last or old != first_root or new != second_root:
        raise WireError("consistency: the path does not lead to the roots")
