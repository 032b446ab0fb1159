# SPDX-License-Identifier: Apache-2.0
"""What tenants and Nova ask of the service, as JSON values."""

from __future__ import annotations

from typing import Any

from nova_trusted_launch.client import errors
from nova_trusted_launch.client.http import Http, member, resource
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

Json = dict[str, Any]


class Tenancy:
    """Keys, launches, releases, instances, receipts and their log."""

    _http: Http

    # Keys.

    def keys_list(self, *, limit: int | None = None,
                  marker: str | None = None) -> list[Json]:
        """List the project's keys; never their material."""
        return list(self._http.pages(
            resource("keys"), "keys", {"limit": limit, "marker": marker}))

    def key_create(self, name: str, material: bytes,
                   policy: Json | None = None) -> Json:
        """Register a key under a release policy."""
        return member(self._http.call("POST", resource("keys"), {
            "name": name, "material": encoding.b64(material),
            "policy": dict(policy or {})}), "key", dict)

    def key_show(self, key_id: str) -> Json:
        """Show a key."""
        return member(self._http.get(resource("keys", key_id)), "key", dict)

    def key_delete(self, key_id: str) -> None:
        """Forget a key."""
        self._http.delete(resource("keys", key_id))

    # Launch tokens.

    def launches_list(self, *, instance_id: str | None = None,
                      limit: int | None = None,
                      marker: str | None = None) -> list[Json]:
        """List the project's launch tokens."""
        return list(self._http.pages(
            resource("launches"), "launches",
            {"instance_id": instance_id, "limit": limit,
             "marker": marker}))

    def launch_create(self, profile: str, *, nonce: bytes | None = None,
                      image_id: str | None = None,
                      image_digest: str | None = None,
                      expires_in: int | None = None) -> Json:
        """Create a token; ``nonce`` is in the answer when we gave none."""
        body = {"profile": profile,
                "nonce": None if nonce is None else encoding.b64(nonce),
                "image_id": image_id, "image_digest": image_digest,
                "expires_in": expires_in}
        return member(self._http.call(
            "POST", resource("launches"),
            {k: v for k, v in body.items() if v is not None}),
            "launch", dict)

    def launch_show(self, launch_id: str) -> Json:
        """Show a token."""
        return member(self._http.get(resource("launches", launch_id)),
                      "launch", dict)

    def launch_delete(self, launch_id: str) -> None:
        """Forget a token."""
        self._http.delete(resource("launches", launch_id))

    # Releases and instances.

    def releases_list(self, *, instance_id: str | None = None,
                      state: str | None = None, limit: int | None = None,
                      marker: str | None = None) -> list[Json]:
        """List releases, newest first."""
        return list(self._http.pages(
            resource("releases"), "releases",
            {"instance_id": instance_id, "state": state, "limit": limit,
             "marker": marker}))

    def release_show(self, release_id: str) -> Json:
        """Show a release."""
        return member(self._http.get(resource("releases", release_id)),
                      "release", dict)

    def instance_show(self, instance_id: str) -> Json | None:
        """Show an instance's lease; None when it was never trusted.

        Only the service's own word says so: any other 404 is an error.
        """
        try:
            return member(self._http.get(resource("instances", instance_id)),
                          "instance", dict)
        except errors.Refused as exc:
            if exc.code == Code.RECEIPT_UNKNOWN:
                return None
            raise

    def instance_close(self, instance_id: str) -> None:
        """Close the lease for ever: the instance was deleted."""
        self._http.delete(resource("instances", instance_id))

    # Receipts and their log.

    def receipts_list(self, *, instance_id: str | None = None,
                      limit: int | None = None,
                      marker: str | None = None) -> list[Json]:
        """List receipts, newest first."""
        return list(self._http.pages(
            resource("receipts"), "receipts",
            {"instance_id": instance_id, "limit": limit,
             "marker": marker}))

    def receipt_show(self, index: int) -> Json:
        """Show one entry of the log."""
        return member(self._http.get(resource("receipts", index)),
                      "receipt", dict)

    def checkpoint(self) -> str:
        """Return the signed checkpoint of the log."""
        return member(self._http.get(resource("log", "checkpoint")),
                      "checkpoint", str)

    def log_inclusion(self, index: int, size: int) -> Json:
        """Return the proof that an entry is in the log of that size."""
        return self._http.get(resource("log", "inclusion"),
                              {"index": index, "size": size})

    def log_consistency(self, first: int, second: int) -> Json:
        """Return the proof that the log only grew."""
        return self._http.get(resource("log", "consistency"),
                              {"first": first, "second": second})

    def log_leaves(self, start: int, limit: int) -> list[str]:
        """Return leaf hashes."""
        return member(self._http.get(
            resource("log", "leaves"), {"start": start, "limit": limit}),
            "leaves", list)

    # The service as such.

    def jwks(self) -> Json:
        """Return the public keys that sign results and receipts."""
        answer = self._http.get(resource("jwks"))
        member(answer, "keys", list)
        return answer

    def versions(self) -> Json:
        """Return the version document."""
        return self._http.get("/v1")
