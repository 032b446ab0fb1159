# SPDX-License-Identifier: Apache-2.0
"""What a release is decided from, and what may come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from attestation_service import records as r
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action, ReleaseRequest
from nova_trusted_launch.wire.results import AttestationResult


@dataclass(frozen=True, slots=True)
class Refuse:
    """No keys, and why."""

    code: Code
    detail: str


@dataclass(frozen=True, slots=True)
class Grant:
    """The keys may go to that host.

    ``new_disk`` asks for a new disk key (first release, rebuild);
    ``nonce_ref`` and ``nonce_digest`` are the tenant's N, None for a new one;
    ``counts`` tells that it uses up one of the image key's launches.
    """

    project_id: str
    satisfied: tuple[tuple[str, int], ...]
    image_id: str | None
    image_digest: bytes | None
    key_id: str | None
    launch_id: str | None
    nonce_ref: str | None
    nonce_digest: bytes | None
    new_disk: bool
    counts: bool


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a decision looks at.

    ``results`` holds the appraisal of the evidence that came with this very
    request, by every active profile; ``usable`` tells for each profile which
    projects may use it (None: all).  ``key`` and ``launch`` are those that
    :func:`wanted_key` and :func:`wanted_launch` name, None when there are no
    such.
    """

    request: ReleaseRequest
    attester: r.Attester
    results: Mapping[str, AttestationResult]
    usable: Mapping[str, tuple[str, ...] | None]
    key: r.Key | None
    launch: r.Launch | None
    lease: r.Lease | None
    whereabouts: r.Whereabouts | None

    @property
    def ruling(self) -> r.Lease | None:
        """The lease that says what is released; a rebuild begins anew."""
        return None if self.request.action is Action.REBUILD else self.lease

    @property
    def image_id(self) -> str | None:
        """The image of the root disk."""
        found = self.ruling or self.whereabouts
        return None if found is None else found.image_id

    @property
    def key_id(self) -> str | None:
        """The key that opens the image."""
        return wanted_key(self.request, self.lease)

    @property
    def launch_id(self) -> str | None:
        """The token that speaks for the tenant."""
        return wanted_launch(self.request, self.lease)

    @property
    def required(self) -> tuple[str, ...]:
        """Every profile that anybody asks for."""
        asked = [self.request.profile]
        asked += [self.key.policy.profile] if self.key else []
        asked += [self.launch.profile] if self.launch else []
        asked += self.lease.profiles if self.lease else ()
        return tuple(sorted({name for name in asked if name is not None}))

    @property
    def other_image(self) -> bool:
        """Whether a rebuild brings another image than the lease names."""
        return self.lease is not None and (
            self.lease.image_id, self.lease.image_key_id) != (
            self.image_id, self.key_id)

    @property
    def kept_launch_id(self) -> str | None:
        """The token that the instance was launched with."""
        return None if self.lease is None else self.lease.launch_id


def wanted_key(request: ReleaseRequest, lease: r.Lease | None) -> str | None:
    """Return which image key counts: the lease's, until a rebuild."""
    if lease is not None and request.action is not Action.REBUILD:
        return lease.image_key_id
    return request.key_id


def wanted_launch(request: ReleaseRequest, lease: r.Lease | None
                  ) -> str | None:
    """Return which token counts: the lease's, unless a rebuild has its own.

    Taking the token out of the server's metadata changes nothing.
    """
    if lease is None:
        return request.launch_id
    if request.action is Action.REBUILD and request.launch_id is not None:
        return request.launch_id
    return lease.launch_id
