# SPDX-License-Identifier: Apache-2.0
"""What a launch asks of a host, and whether a host is good enough.

In: flavor, image properties, scheduler hints and metadata as Nova has them,
and verified results.  Out: a :class:`Requirement`, then
:class:`Admitted` or :class:`Refused` for each host.

Not decided here: what a host *is* (the attestation service), nor whether a
key is released (``attestation_service.core.release``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import SnapshotEntry

NAMESPACE = "trusted_launch"
EXTRA_SPEC = "trusted_launch:profile"
HINT = "trusted_launch"
TOKEN_HINT = "trusted_launch_token"
IMAGE_PROFILE = "trusted_launch_profile"
IMAGE_KEY = "trusted_launch_key_id"
METADATA_PROFILE = "trusted_launch"
METADATA_TOKEN = "trusted_launch_token"
TRAIT_PREFIX = "CUSTOM_TRUSTED_LAUNCH_"

PROFILE_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_PROFILE = re.compile(PROFILE_PATTERN)
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]{1,64}")
# What a person might write when she means us: refused unless it is exact.
_ALMOST = re.compile(r"trust(ed)?[-_. ]?launch", re.IGNORECASE)


class Contradiction(ValueError):
    """Flavor, image, hint and metadata do not make one clear request."""

    code = Code.FLAVOR_INVALID


def trait_of(profile: str) -> str:
    """Name the Placement trait that stands for ``profile``."""
    return TRAIT_PREFIX + re.sub(r"[^A-Z0-9_]", "_", profile.upper())


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is asked: a named profile, traits, a token, an image's key.

    At least one of them is set; :meth:`read` returns None otherwise.
    """

    profile: str | None = None
    traits: frozenset[str] = frozenset()
    token: str | None = None
    key_id: str | None = None

    @classmethod
    def read(
        cls,
        extra_specs: Mapping[str, str],
        *,
        image: Mapping[str, Any] | None = None,
        image_traits: Iterable[str] = (),
        hints: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Requirement | None:
        """Read all that asks for a trusted launch; None when nothing does.

        :raises Contradiction: two of them disagree, or one of them is
            misspelt or malformed.
        """
        image, hints, metadata = image or {}, hints or {}, metadata or {}
        _exact(extra_specs, "flavor", (EXTRA_SPEC,), r"\Z|:")
        _exact(hints, "hint", (HINT, TOKEN_HINT), r"\Z|_")
        profile = _agreed("profile", _PROFILE, (
            ("flavor", extra_specs.get(EXTRA_SPEC)),
            ("image", image.get(IMAGE_PROFILE)),
            ("hint", _single(HINT, hints)),
            ("metadata", metadata.get(METADATA_PROFILE))))
        token = _agreed("launch token", _IDENTIFIER, (
            ("hint", _single(TOKEN_HINT, hints)),
            ("metadata", metadata.get(METADATA_TOKEN))))
        key_id = _agreed("image key", _IDENTIFIER, (
            ("image", image.get(IMAGE_KEY)),))
        traits = _traits(extra_specs, image_traits)
        if profile is not None and _forbids(extra_specs, profile):
            raise Contradiction(
                f"the flavor asks for profile {profile} and forbids its trait")
        if not (profile or traits or token or key_id):
            return None
        return cls(profile, traits, token, key_id)

    def profiles(self, known: Iterable[str]) -> Needed:
        """Say which of the ``known`` profiles a host has to satisfy.

        A trait may stand for several profiles; then all are needed.  A
        launch that names none (only a token or a key, whose profile the
        service keeps secret from Nova) needs any one of them: it is a hint,
        the release decides.

        :raises Contradiction: nobody knows a profile with that trait.
        """
        known = tuple(known)
        needed = set() if self.profile is None else {self.profile}
        for trait in self.traits:
            named = {p for p in (*known, *needed) if trait_of(p) == trait}
            if not named:
                raise Contradiction(f"no profile has the trait {trait}")
            needed |= named
        if needed:
            return Needed(frozenset(needed))
        return Needed(frozenset(known), any_one=True)


@dataclass(frozen=True, slots=True)
class Needed:
    """The profiles to satisfy: all, or ``any_one`` of them."""

    profiles: frozenset[str]
    any_one: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """The host is good enough."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The host is not, or we cannot tell."""

    code: Code
    reason: str
    text: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", f"{self.code}: {self.reason}")


_ADMITTED = Admitted()
_AFFIRMING = TrustTier.AFFIRMING


_UNKNOWN = Refused(Code.HOST_NO_RESULT, "no attestation result")


class Judge:
    """Decide about many hosts at one time.

    Every way out of :meth:`decide` refuses but the one behind the last entry
    asked for.  Thousands of hosts share a handful of reasons, so these are
    made once.
    """

    def __init__(self, needed: Needed, now: int) -> None:
        self._any_one = needed.any_one
        self._now = now
        self._reasons = [(
            profile,
            Refused(Code.HOST_NO_RESULT, f"no result for profile {profile}"),
            Refused(Code.HOST_EXPIRED,
                    f"its result for profile {profile} has expired"),
            {tier: Refused(Code.HOST_NOT_AFFIRMING,
                           f"{tier.label} for profile {profile}")
             for tier in TrustTier},
        ) for profile in sorted(needed.profiles)]

    def decide(self, known: Mapping[str, SnapshotEntry] | None,
               ) -> Admitted | Refused:
        """Decide on one host by its entries per profile."""
        verdict: Admitted | Refused = _UNKNOWN
        if not known:
            return verdict
        for profile, unknown, expired, not_affirming in self._reasons:
            entry = known.get(profile)
            if entry is None:
                verdict = unknown
            elif self._now >= entry.expires_at:
                verdict = expired
            elif entry.tier is not _AFFIRMING:
                verdict = not_affirming[entry.tier]
            else:
                verdict = _ADMITTED
            if (verdict is _ADMITTED) is self._any_one:
                return verdict
        return verdict


def _exact(given: Mapping[str, Any], where: str, names: tuple[str, ...],
           ends: str) -> None:
    """Refuse a key that looks like ours and is not: a typo asks for trust."""
    for key in given:
        found = _ALMOST.match(key)
        if (found and key not in names
                and re.match(ends, key[found.end():])):
            raise Contradiction(f"{where} {key!r} is unknown; known: "
                                + ", ".join(names))


def _single(name: str, hints: Mapping[str, Any]) -> Any:
    value = hints.get(name)
    if isinstance(value, list | tuple):
        if not value or any(v != value[0] for v in value):
            raise Contradiction(f"hint {name} needs exactly one value")
        return value[0]
    return value


def _agreed(what: str, pattern: re.Pattern[str],
            sources: Iterable[tuple[str, Any]]) -> str | None:
    found = {where: value for where, value in sources if value is not None}
    for where, value in found.items():
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Contradiction(f"{where}: {value!r} is not a {what}")
    if len(set(found.values())) > 1:
        said = ", ".join(f"{w} says {v}" for w, v in sorted(found.items()))
        raise Contradiction(f"the {what} is contradictory: {said}")
    return next(iter(found.values()), None)


def _traits(extra_specs: Mapping[str, str],
            image_traits: Iterable[str]) -> frozenset[str]:
    flavor = (key.partition(":")[2] for key, value in extra_specs.items()
              if key.startswith("trait") and value == "required")
    return frozenset(t for t in (*image_traits, *flavor)
                     if t.startswith(TRAIT_PREFIX))


def _forbids(extra_specs: Mapping[str, str], profile: str) -> bool:
    return any(key.startswith("trait") and value == "forbidden"
               and key.partition(":")[2] == trait_of(profile)
               for key, value in extra_specs.items())
