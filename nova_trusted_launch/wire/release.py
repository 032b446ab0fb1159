# SPDX-License-Identifier: Apache-2.0
"""Release of a key: the request, and the sealed answer.

The answer holds a 32-byte key sealed to one TPM, its boot PCRs and one policy
session, and a bundle encrypted under that key (AES-256-GCM).  Whoever has the
answer but not that TPM in that state has nothing.
"""

from __future__ import annotations

import datetime
import enum
import hashlib
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.challenge import NONCE_SIZE
from nova_trusted_launch.wire.digests import PcrSelection
from nova_trusted_launch.wire.encoding import WireError

MIN_TPM_NONCE = 16


def policy_ref(release_id: str) -> bytes:
    """Return the policyRef of TPM2_PolicySigned for a release.

    It is part of the sealed object's policy and of what the service signs, so
    that one release's authorization opens no other's key.
    """
    return hashlib.sha256(
        b"trusted-launch-policy-1\0" + release_id.encode()).digest()


class Action(enum.Enum):
    """Why a host asks for an instance's keys."""

    SPAWN = "spawn"
    REBUILD = "rebuild"
    UNSHELVE = "unshelve"
    EVACUATE = "evacuate"
    POWER_ON = "power-on"
    REBOOT = "reboot"
    RESUME = "resume"
    RESCUE = "rescue"
    UNRESCUE = "unrescue"
    AUTO_RESUME = "auto-resume"
    MIGRATE_IN = "migrate-in"
    SNAPSHOT = "snapshot"
    SECRET = "secret"


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What a host asks for, for which instance, and in which TPM session.

    ``profile`` is the one the flavor, image or hint names (None: only the
    key or token says); ``key_id`` the key of an encrypted image;
    ``image_id`` the Glance image of the root disk; ``launch_id`` the tenant's
    token.  ``nonce_tpm`` is the TPM nonce of the policy session that will
    unseal.
    """

    attester_id: str
    instance_id: str
    action: Action
    nonce_tpm: bytes
    profile: str | None = None
    image_id: str | None = None
    key_id: str | None = None
    launch_id: str | None = None

    def __post_init__(self) -> None:
        if not MIN_TPM_NONCE <= len(self.nonce_tpm) <= 64:
            raise WireError(f"nonce_tpm has {MIN_TPM_NONCE} to 64 bytes")

    def to_dict(self) -> dict[str, Any]:
        """Return the request as a JSON object."""
        return {"attester_id": self.attester_id,
                "instance_id": self.instance_id,
                "action": self.action.value,
                "nonce_tpm": encoding.b64(self.nonce_tpm),
                "profile": self.profile, "image_id": self.image_id,
                "key_id": self.key_id, "launch_id": self.launch_id}

    @classmethod
    def from_dict(cls, value: Any) -> ReleaseRequest:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "release", "attester_id", "instance_id",
                            "action", "nonce_tpm", "profile", "image_id",
                            "key_id", "launch_id")
        return cls(encoding.text(v["attester_id"], "attester_id"),
                   encoding.text(v["instance_id"], "instance_id"),
                   encoding.member(v["action"], Action, "action"),
                   encoding.unb64(v["nonce_tpm"], "nonce_tpm"),
                   *(_optional_text(v[name], name) for name in (
                       "profile", "image_id", "key_id", "launch_id")))

    def binding(self, nonce: bytes) -> bytes:
        """Return the qualifying data of the quote that backs this request.

        SHA-256 over a domain tag, the service's nonce and the digest of the
        canonical request (which holds nonceTPM), so that neither can be
        swapped for another.

        :raises WireError: the nonce has another length.
        """
        if len(nonce) != NONCE_SIZE:
            raise WireError(f"a nonce has {NONCE_SIZE} bytes")
        request = hashlib.sha256(encoding.canonical(self.to_dict())).digest()
        return hashlib.sha256(
            b"trusted-launch-release-1\0" + nonce + request).digest()


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A key that one TPM opens in one state, in one policy session.

    ``parent`` names the key it is wrapped for: ``ek-rsa2048``, ``ek-p256``,
    ``ek-p384`` or ``srk``.  ``public`` is a TPM2B_PUBLIC, ``duplicate`` a
    TPM2B_PRIVATE, ``seed`` a TPM2B_ENCRYPTED_SECRET, as TPM2_Import takes
    them.  ``selection`` are the PCRs of PolicyPCR.  ``expiration`` (seconds
    after the session's start; never below zero, for which a TPM hands out a
    ticket that other sessions can use), ``policy_signature``
    (TPMT_SIGNATURE) and ``policy_key`` (TPMT_PUBLIC of the service's policy
    key) go into TPM2_PolicySigned, with :func:`policy_ref`.  ``bundle`` is
    nonce (12 bytes) and AES-256-GCM ciphertext of a :class:`Bundle`, with the
    release id as associated data.
    """

    parent: str
    public: bytes
    duplicate: bytes
    seed: bytes
    selection: PcrSelection
    expiration: int
    policy_signature: bytes
    policy_key: bytes
    bundle: bytes

    def to_dict(self) -> dict[str, Any]:
        """Return the sealed key as a JSON object."""
        return {"parent": self.parent, "public": encoding.b64(self.public),
                "duplicate": encoding.b64(self.duplicate),
                "seed": encoding.b64(self.seed),
                "selection": self.selection.to_dict(),
                "expiration": self.expiration,
                "policy_signature": encoding.b64(self.policy_signature),
                "policy_key": encoding.b64(self.policy_key),
                "bundle": encoding.b64(self.bundle)}

    @classmethod
    def from_dict(cls, value: Any) -> SealedKey:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "sealed key", "parent", "public",
                            "duplicate", "seed", "selection", "expiration",
                            "policy_signature", "policy_key", "bundle")
        return cls(encoding.text(v["parent"], "parent"),
                   encoding.unb64(v["public"], "public"),
                   encoding.unb64(v["duplicate"], "duplicate"),
                   encoding.unb64(v["seed"], "seed"),
                   PcrSelection.from_dict(v["selection"]),
                   encoding.number(v["expiration"], "expiration",
                                   least=1, most=2 ** 31 - 1),
                   encoding.unb64(v["policy_signature"], "policy_signature"),
                   encoding.unb64(v["policy_key"], "policy_key"),
                   encoding.unb64(v["bundle"], "bundle"))


@dataclass(frozen=True, slots=True, repr=False)
class Bundle:
    """What is inside: the keys and the tenant's nonce.  Never printed.

    ``image_key`` opens the encrypted image (None for a plain one),
    ``disk_key`` the instance's own root disk; both are 32 bytes, used as LUKS
    passphrases in lower-case hex.  ``nonce`` is the tenant's N.
    """

    image_key: bytes | None
    disk_key: bytes
    nonce: bytes

    def __repr__(self) -> str:
        return "<Bundle of secrets>"

    def to_bytes(self) -> bytes:
        """Return the plaintext to encrypt."""
        return encoding.canonical({
            "image_key": None if self.image_key is None
            else encoding.b64(self.image_key),
            "disk_key": encoding.b64(self.disk_key),
            "nonce": encoding.b64(self.nonce)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """Read what :meth:`to_bytes` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(encoding.loads(data, max_size=4096), "bundle",
                            "image_key", "disk_key", "nonce")
        return cls(None if v["image_key"] is None
                   else encoding.unb64(v["image_key"], "image_key"),
                   encoding.unb64(v["disk_key"], "disk_key"),
                   encoding.unb64(v["nonce"], "nonce"))


@dataclass(frozen=True, slots=True)
class Released:
    """The service's answer to good evidence for a release.

    ``image_digest`` is the SHA-256 the host must find in the bytes it fetched
    from Glance (None when no image is concerned); ``receipt`` a JWT and
    ``log_index`` its place in the log.
    """

    release_id: str
    sealed_key: SealedKey
    image_digest: bytes | None
    receipt: str
    log_index: int
    expires_at: datetime.datetime

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as a JSON object."""
        return {"release_id": self.release_id,
                "sealed_key": self.sealed_key.to_dict(),
                "image_digest": None if self.image_digest is None
                else self.image_digest.hex(),
                "receipt": self.receipt, "log_index": self.log_index,
                "expires_at": encoding.timestamp(self.expires_at)}

    @classmethod
    def from_dict(cls, value: Any) -> Released:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "released", "release_id", "sealed_key",
                            "image_digest", "receipt", "log_index",
                            "expires_at")
        return cls(encoding.text(v["release_id"], "release_id"),
                   SealedKey.from_dict(v["sealed_key"]),
                   None if v["image_digest"] is None
                   else encoding.unhex(v["image_digest"], "image_digest"),
                   encoding.text(v["receipt"], "receipt", max_length=65536),
                   encoding.number(v["log_index"], "log_index"),
                   encoding.untimestamp(v["expires_at"], "expires_at"))


def _optional_text(value: Any, what: str) -> str | None:
    return None if value is None else encoding.text(value, what)
