# SPDX-License-Identifier: Apache-2.0
"""Views of records that more than one noun shows."""

from __future__ import annotations

import enum
from typing import Any, TypeVar

from attestation_service import records as r
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

E = TypeVar("E", bound=enum.Enum)


def time(moment: r.Time | None) -> str | None:
    """Write a time that may be absent."""
    return None if moment is None else encoding.timestamp(moment)


def hexed(data: bytes | None) -> str | None:
    """Write a digest that may be absent."""
    return None if data is None else data.hex()


def listed(names: tuple[str, ...] | None) -> list[str] | None:
    """Write a list that may be absent."""
    return None if names is None else list(names)


def result(stored: r.StoredResult) -> dict[str, Any]:
    """Show a result without its findings."""
    own = stored.result
    return {"host": own.host, "profile": own.profile,
            "version": own.version, "tier": own.tier.label,
            "issued_at": encoding.timestamp(own.issued_at),
            "expires_at": encoding.timestamp(own.expires_at),
            "attester_id": own.attester_id, "hardware": own.hardware}


def release(release: r.Release) -> dict[str, Any]:
    """Show what became of a request for keys, and what to do about it."""
    return {"id": release.id, "instance_id": release.instance_id,
            "host": release.host, "action": release.action.value,
            "state": release.state.value, "code": release.code,
            "detail": release.detail,
            "advice": (None if release.code is None
                       else _advice(release.code)),
            "created_at": encoding.timestamp(release.created_at),
            "log_index": release.log_index}


def _advice(code: str) -> str:
    return next(known.action for known in Code if known == code)


def member(kind: type[E], name: str | None) -> E | None:
    """Read a member of an enumeration that may be absent."""
    return None if name is None else kind(name)


def untime(text: str | None, what: str) -> r.Time | None:
    """Read a time that may be absent."""
    return None if text is None else encoding.untimestamp(text, what)


def unhexed(text: str | None, what: str) -> bytes | None:
    """Read a digest that may be absent."""
    return None if text is None else encoding.unhex(text, what)


def unb64(text: str | None, what: str) -> bytes | None:
    """Read base64url that may be absent."""
    return None if text is None else encoding.unb64(text, what)
