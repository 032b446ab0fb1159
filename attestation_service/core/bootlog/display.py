# SPDX-License-Identifier: Apache-2.0
"""Say what stands in a boot log, for people who look at one.

In: an unproven :class:`~.tcg.BootLog`.  Out: plain values.

Not decided here: whether any of it happened (``core.bootlog.replay``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attestation_service.core.bootlog import measured
from attestation_service.core.bootlog.boot_chain import printable
from attestation_service.core.bootlog.event_types import EventType, type_name
from attestation_service.core.bootlog.tcg import (
    ALGORITHMS,
    BootLog,
    Event,
    label,
)


def describe(log: BootLog) -> Iterator[dict[str, Any]]:
    """Describe each event as a JSON object.

    ``measured`` is how the data hashes to a digest; null: it does not, so
    that anybody can have changed it.  Where the type demands that it does,
    ``tampered`` is true then.
    """
    for number, event in enumerate(log.events):
        form = _form(log, event)
        yield {
            "number": number, "register": event.register,
            "type": type_name(event.untrusted_type),
            "digests": {
                label(algorithm): digest.hex()
                for (algorithm, _size), digest in zip(
                    log.algorithms, event.digests, strict=True)
                if digest is not None},
            "measured": form,
            "tampered": form is None and (
                event.untrusted_type in measured.BOUND),
            "data": event.untrusted_data.hex(),
            "text": printable(event.untrusted_data)}


def _form(log: BootLog, event: Event) -> str | None:
    """Try the strongest bank that we can compute."""
    if event.untrusted_type == EventType.NO_ACTION:
        return None
    for (algorithm, _size), digest in reversed(list(zip(
            log.algorithms, event.digests, strict=True))):
        hash_ = measured.hash_named(
            ALGORITHMS.get(algorithm, ("", 0))[0])
        if digest is not None and hash_ is not None:
            found = measured.measured(
                event.untrusted_type, event.untrusted_data, digest, hash_)
            return found.form if found else None
    return None
