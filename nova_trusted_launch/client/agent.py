# SPDX-License-Identifier: Apache-2.0
"""nova-compute's side of the agent's socket.

The keys that :meth:`AgentClient.release` returns are to be handed to libvirt
and forgotten; nothing here logs or prints them.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nova_trusted_launch.client import frames
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.release import Action

DEFAULT_SOCKET = "/run/trusted-launch/agent.sock"
T = TypeVar("T")

# Codes with which the agent says that nobody decided.
_UNDECIDED = frozenset({
    Code.AGENT_UNAVAILABLE, Code.SERVICE_UNAVAILABLE, Code.SERVICE_BROKEN,
    Code.RELEASE_UNCONFIRMED, Code.TPM_FAILED})


@dataclass(frozen=True, slots=True)
class ReleasedKeys:
    """The keys of one instance, and the proof of their release.

    ``image_key`` is None for a plain image; ``image_digest`` is what the
    bytes from Glance must hash to (SHA-256), None when no image is concerned;
    ``nonce`` is the tenant's N.
    """

    disk_key: bytes = field(repr=False)
    image_key: bytes | None = field(repr=False)
    nonce: bytes = field(repr=False)
    receipt: str
    log_index: int
    image_digest: bytes | None
    release_id: str

    def to_dict(self) -> dict[str, Any]:
        """Return the answer of the agent."""
        return {"disk_key": self.disk_key.hex(),
                "image_key": _optional_hex(self.image_key),
                "nonce": encoding.b64(self.nonce),
                "receipt": self.receipt, "log_index": self.log_index,
                "image_digest": _optional_hex(self.image_digest),
                "release_id": self.release_id}

    @classmethod
    def from_dict(cls, value: Any) -> ReleasedKeys:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "keys", "disk_key", "image_key", "nonce",
                            "receipt", "log_index", "image_digest",
                            "release_id")
        return cls(encoding.unhex(v["disk_key"], "disk_key"),
                   _optional_unhex(v["image_key"], "image_key"),
                   encoding.unb64(v["nonce"], "nonce"),
                   encoding.text(v["receipt"], "receipt", max_length=65536),
                   encoding.number(v["log_index"], "log_index"),
                   _optional_unhex(v["image_digest"], "image_digest"),
                   encoding.text(v["release_id"], "release_id"))


class AgentClient:
    """This host's agent; each call is one connection."""

    def __init__(self, socket_path: str = DEFAULT_SOCKET,
                 timeout: float = 60.0) -> None:
        self._path = socket_path
        self._timeout = timeout

    def release(self, instance_id: str, action: Action, *,
                profile: str | None = None, image_id: str | None = None,
                key_id: str | None = None,
                launch_id: str | None = None) -> ReleasedKeys:
        """Have the instance's keys released to this host.

        :raises Refused: the service or the TPM says no.
        :raises Unavailable: nobody decided.
        """
        return self._call(ReleasedKeys.from_dict, {
            "op": "release", "instance_id": instance_id,
            "action": action.value, "profile": profile,
            "image_id": image_id, "key_id": key_id,
            "launch_id": launch_id})

    def status(self) -> dict[str, Any]:
        """Return attester_id, state, host, last_attested_at, last_error.

        :raises Unavailable: the agent does not answer.
        """
        return self._call(_object, {"op": "status"})

    def instance(self, instance_id: str) -> dict[str, Any] | None:
        """Return the instance's lease; None when it was never trusted.

        :raises Refused: the service says no.
        :raises Unavailable: nobody knows.
        """
        return self._call(_optional_object, {
            "op": "instance", "instance_id": instance_id})

    def close(self, instance_id: str) -> None:
        """Close the lease of a deleted instance.

        :raises Refused: the service says no.
        :raises Unavailable: nobody did it.
        """
        self._call(_object, {"op": "close", "instance_id": instance_id})

    def attest(self) -> None:
        """Have the agent attest now; it does so after it has answered.

        :raises Unavailable: the agent does not answer.
        """
        self._call(_object, {"op": "attest"})

    def _call(self, parse: Callable[[Any], T], request: Any) -> T:
        try:
            return parse(_answer(self._exchange(request)))
        except OSError as exc:
            raise Unavailable(
                f"the agent does not answer on {self._path}: {exc}",
                code=Code.AGENT_UNAVAILABLE) from exc
        except WireError as exc:
            raise Unavailable(
                f"the agent's answer is not in the agreed form: {exc}",
                code=Code.AGENT_UNAVAILABLE) from exc

    def _exchange(self, request: Any) -> Any:
        until = time.monotonic() + self._timeout
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(self._timeout)
            sock.connect(self._path)
            frames.send(sock, request, until)
            return frames.receive(sock, until)


def _answer(reply: Any) -> Any:
    if isinstance(reply, dict) and set(reply) == {"ok"}:
        return reply["ok"]
    error = encoding.fields(
        encoding.fields(reply, "reply", "error")["error"], "error", "code",
        "detail")
    code = encoding.text(error["code"], "code")
    detail = encoding.text(error["detail"], "detail", max_length=4096)
    if code in _UNDECIDED:
        raise Unavailable(detail, code=code)
    raise Refused(code, detail)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WireError("not an object")
    return value


def _optional_object(value: Any) -> dict[str, Any] | None:
    return None if value is None else _object(value)


def _optional_hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def _optional_unhex(value: Any, what: str) -> bytes | None:
    return None if value is None else encoding.unhex(value, what)
