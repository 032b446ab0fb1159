# SPDX-License-Identifier: Apache-2.0
"""Facts about the files a host used, proven by register 10 of a quote.

In: an IMA list, or the part of it after what was proven before, and quoted
registers.  Out: :class:`ImaFacts`, and the :class:`ImaProgress` to keep.

Not decided here: which files are good (``core.policy``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attestation_service.core.ima import replay as ima
from attestation_service.core.ima.appraise import Appraiser, Tally
from attestation_service.core.memo import Memo
from attestation_service.core.ima.replay import ImaPosition, ReplayedIma
from nova_trusted_launch.wire.digests import PcrBank

# IMA hashes these registers into the first entry of its list.
_BOOT_AGGREGATE = range(10)


@dataclass(frozen=True, slots=True)
class ImaProgress:
    """How far a host's list is proven, and what was found up to there."""

    position: ImaPosition
    # By Appraiser.key: a profile's new version asks the same of files as the
    # one before, unless what it knows of files changed.
    tallies: Mapping[str, Tally]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"position": self.position.to_dict(),
                "tallies": {key: tally.to_dict()
                            for key, tally in self.tallies.items()}}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> ImaProgress:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            ImaPosition.from_dict(value["position"]),
            {key: Tally.from_dict(tally)
             for key, tally in value["tallies"].items()})


@dataclass(frozen=True, slots=True)
class ImaFacts:
    """Which files were used.  Only :func:`ima_facts` makes these."""

    list: ReplayedIma
    # What the entry boot_aggregate must hold; None: not all was quoted.
    boot_aggregate: bytes | None
    earlier: Mapping[str, Tally]
    # Filled as rules ask, so that equal questions are answered once.
    _found: dict[str, Tally] = field(default_factory=dict)

    def tally(self, appraiser: Appraiser) -> Tally | None:
        """Judge the whole list; None: its beginning was not judged so."""
        key = appraiser.key
        found = self._found.get(key)
        if found is None:
            found = appraiser.tally(
                self.list, self.boot_aggregate, self.earlier.get(key))
            if found is not None:
                self._found[key] = found
        return found

    @property
    def progress(self) -> ImaProgress:
        """What to keep for the next appraisal, after this one."""
        return ImaProgress(self.list.end, dict(self._found))


def ima_facts(
    data: bytes | None, pcrs: PcrBank, *, boot: tuple[int, int],
    earlier: ImaProgress | None = None, memo: Memo[bytes] | None = None,
    max_size: int = ima.MAX_SIZE, max_entries: int = ima.MAX_ENTRIES,
) -> ImaFacts | None:
    """Prove an IMA list, or the part of it after ``earlier``.

    None when the host sent none: an empty one says nothing, unless as a part
    it says that there is nothing new.

    :raises StaleEvidence: ``earlier`` is of another boot.
    :raises MalformedEvidence: it is not an IMA list, or too large.
    :raises UnauthenticEvidence: it is not the list of these registers.
    """
    if data is None or not (data or earlier):
        return None
    proven = ima.replay(
        data, pcrs, boot=boot, start=earlier.position if earlier else None,
        memo=memo, max_size=max_size, max_entries=max_entries)
    return ImaFacts(proven, boot_aggregate(pcrs),
                    earlier.tallies if earlier else {})


def boot_aggregate(pcrs: PcrBank) -> bytes | None:
    """Compute what IMA's first entry holds; None: not all was quoted."""
    found = [pcrs.values.get(register) for register in _BOOT_AGGREGATE]
    values = [value for value in found if value is not None]
    if len(values) < len(found):
        return None
    return pcrs.alg.digest(b"".join(values))
