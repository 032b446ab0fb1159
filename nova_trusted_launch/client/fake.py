# SPDX-License-Identifier: Apache-2.0
"""An in-memory client of the service, for other people's tests.

It has the operators' and tenants' methods of
:class:`~nova_trusted_launch.client.api.TrustedLaunchClient`, remembers what
it is told and signs truthfully.  A test sets the scene with ``add_host``,
``set_result`` and ``add_release``, makes every call fail by setting
``fake.state.failure``, and finds the calls made in ``fake.state.calls``.

An agent's methods (enrolment, evidence, release) are not here: they mean
something only to a service that has the keys and the rules.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import inspect
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from nova_trusted_launch.client.errors import Refused
from nova_trusted_launch.client.fake_operating import FakeOperating
from nova_trusted_launch.client.fake_state import FakeState, page
from nova_trusted_launch.client.operating import Operating
from nova_trusted_launch.client.tenancy import Tenancy
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.receipts import CHECKPOINT_TYPE, RECEIPT_TYPE
from nova_trusted_launch.wire.receipts import Checkpoint, Receipt
from nova_trusted_launch.wire.release import Action

Json = dict[str, Any]
METHODS = frozenset(
    name for kind in (Operating, Tenancy)
    for name, _ in inspect.getmembers(kind, inspect.isfunction)
    if not name.startswith("_"))


class FakeTenancy:
    """Keys, launches, instances, receipts and their log, in memory."""

    state: FakeState

    # Keys.

    def keys_list(self, *, limit: int | None = None,
                  marker: str | None = None) -> list[Json]:
        return page(list(self.state.keys.values()), "id", limit, marker)

    def key_create(self, name: str, material: bytes,
                   policy: Json | None = None) -> Json:
        kept = {"profile": None, "image_id": None, "image_digest": None,
                "demand_token": False, "expires_at": None, "launches": None}
        made: Json = {
            "id": str(uuid.uuid4()), "name": name,
            "project_id": self.state.project_id, "purpose": "image",
            "policy": {**kept, **(policy or {})}, "launches_used": 0,
            "created_at": self.state.stamp()}
        self.state.keys[made["id"]] = made
        return dict(made)

    def key_show(self, key_id: str) -> Json:
        return _of(self.state.keys, key_id, Code.KEY_UNKNOWN)

    def key_delete(self, key_id: str) -> None:
        self.key_show(key_id)
        del self.state.keys[key_id]

    # Launch tokens.

    def launches_list(self, *, instance_id: str | None = None,
                      limit: int | None = None,
                      marker: str | None = None) -> list[Json]:
        return page([v for v in self.state.launches.values()
                     if instance_id in {None, v["instance_id"]}],
                    "id", limit, marker)

    def launch_create(self, profile: str, *, nonce: bytes | None = None,
                      image_id: str | None = None,
                      image_digest: str | None = None,
                      expires_in: int | None = None) -> Json:
        own = nonce or secrets.token_bytes(32)
        made: Json = {
            "id": str(uuid.uuid4()),
            "project_id": self.state.project_id, "profile": profile,
            "image_id": image_id, "image_digest": image_digest,
            "nonce_digest": hashlib.sha256(own).hexdigest(),
            "created_at": self.state.stamp(),
            "expires_at": self.state.stamp(seconds=expires_in or 3600),
            "instance_id": None}
        self.state.launches[made["id"]] = made
        return dict(made) if nonce else {**made, "nonce": encoding.b64(own)}

    def launch_show(self, launch_id: str) -> Json:
        return _of(self.state.launches, launch_id, Code.LAUNCH_UNKNOWN)

    def launch_delete(self, launch_id: str) -> None:
        self.launch_show(launch_id)
        del self.state.launches[launch_id]

    # Releases and instances.

    def releases_list(self, *, instance_id: str | None = None,
                      state: str | None = None, limit: int | None = None,
                      marker: str | None = None) -> list[Json]:
        return page([v for v in reversed(self.state.releases)
                     if instance_id in {None, v["instance_id"]}
                     and state in {None, v["state"]}], "id", limit, marker)

    def release_show(self, release_id: str) -> Json:
        return _of({v["id"]: v for v in self.state.releases}, release_id,
                   Code.RELEASE_UNKNOWN)

    def instance_show(self, instance_id: str) -> Json | None:
        found = self.state.instances.get(instance_id)
        return None if found is None else dict(found)

    def instance_close(self, instance_id: str) -> None:
        found = self.state.instances.get(instance_id)
        if found is None:
            raise Refused(Code.RECEIPT_UNKNOWN, "never trusted")
        found.update(closed_at=self.state.stamp(), trusted=False)

    # Receipts and their log.

    def receipts_list(self, *, instance_id: str | None = None,
                      limit: int | None = None,
                      marker: str | None = None) -> list[Json]:
        return page([v for v in reversed(self.state.receipts)
                     if instance_id in {None, v["instance_id"]}],
                    "index", limit, marker)

    def receipt_show(self, index: int) -> Json:
        return _of(dict(enumerate(self.state.receipts)), index,
                   Code.RECEIPT_UNKNOWN)

    def checkpoint(self) -> str:
        size = len(self.state.log.entries)
        return self.state.signer.sign(Checkpoint(
            "fake", size, self.state.log.root(size), self.state.now()
        ).to_claims(), CHECKPOINT_TYPE)

    def log_inclusion(self, index: int, size: int) -> Json:
        if not 0 <= index < size <= len(self.state.log.entries):
            raise Refused(Code.LOG_RANGE, "no such entry or size")
        return {"index": index, "size": size,
                "leaf": self.state.log.leaves()[index].hex(),
                "path": [n.hex() for n in self.state.log.inclusion(
                    index, size)]}

    def log_consistency(self, first: int, second: int) -> Json:
        if not 0 <= first <= second <= len(self.state.log.entries):
            raise Refused(Code.LOG_RANGE, "no such size")
        return {"first": first, "second": second,
                "path": [n.hex() for n in self.state.log.consistency(
                    first, second)]}

    def log_leaves(self, start: int, limit: int) -> list[str]:
        return [leaf.hex() for leaf in
                self.state.log.leaves()[start:start + limit]]

    # The service as such.

    def jwks(self) -> Json:
        return {"keys": [dict(self.state.signer.jwk)]}

    def versions(self) -> Json:
        return {"version": {"id": "v1", "status": "CURRENT",
                            "min_version": "1.0", "max_version": "1.0"}}

    # What a test sets.

    def add_release(self, instance_id: str, host: str, profile: str, *,
                    nonce: bytes = b"n" * 32, action: Action = Action.SPAWN,
                    image_id: str | None = None,
                    image_digest: bytes | None = None) -> Receipt:
        """Release an instance to a host: lease, receipt, log entry."""
        state = self.state
        receipt = Receipt(
            str(uuid.uuid4()), instance_id, state.project_id, action, host,
            f"attester-of-{host}", b"\0\x0b" + bytes(32), ((profile, 1),),
            image_id, image_digest, None, None,
            hashlib.sha256(nonce).digest(), False, state.now())
        token = state.signer.sign(receipt.to_claims(), RECEIPT_TYPE)
        index = state.log.append(token)
        state.receipts.append({
            "index": index, "instance_id": instance_id,
            "release_id": receipt.release_id, "receipt": token,
            "created_at": state.stamp()})
        state.releases.append({
            "id": receipt.release_id, "instance_id": instance_id,
            "host": host, "action": action.value, "state": "granted",
            "code": None, "detail": None, "advice": None,
            "created_at": state.stamp(), "log_index": index})
        state.instances[instance_id] = {
            "instance_id": instance_id, "project_id": state.project_id,
            "host": host, "profiles": [profile], "image_id": image_id,
            "image_digest": image_digest and image_digest.hex(),
            "launch_id": None, "nonce_digest": receipt.nonce_digest.hex(),
            "opened_at": state.stamp(), "closed_at": None, "trusted": True,
            "last_release": dict(state.releases[-1])}
        return receipt


class FakeTrustedLaunchClient(FakeOperating, FakeTenancy):
    """The service, as far as its users can tell."""

    def __init__(self, *, project_id: str = "project",
                 now: Callable[[], datetime.datetime] | None = None) -> None:
        self.state = FakeState(now or _utcnow, project_id)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return _recorded(self.state, name, found) if (
            name in METHODS) else found


def _recorded(state: FakeState, name: str,
              method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if state.inside.call:
            return method(*args, **kwargs)
        state.calls.append(name)
        if state.failure is not None:
            raise state.failure
        state.inside.call = True
        try:
            return method(*args, **kwargs)
        finally:
            state.inside.call = False

    return call


def _of(kept: dict[Any, Json], name: Any, code: Code) -> Json:
    if name not in kept:
        raise Refused(code, f"no {name}")
    return dict(kept[name])


def _utcnow() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
