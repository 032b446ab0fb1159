# SPDX-License-Identifier: Apache-2.0
"""Lists that are replayed, or refused."""

from __future__ import annotations

import pytest

from attestation_service.core import errors
from attestation_service.core.ima.replay import replay
from tests.fakes import logs

BOOT = (3, 1)
FORMS = pytest.mark.parametrize("form", ["dump", "ascii"])


def proven(found, form="dump", pcrs=None, **options):
    """Replay a list against what it extends, or other registers."""
    return replay(getattr(found, form)(), pcrs or found.pcrs(), boot=BOOT,
                  **options)


def refused(found, form="dump", pcrs=None, error=errors.UnauthenticEvidence,
            **options):
    """Demand that it is refused so, and no other way."""
    with pytest.raises(error) as caught:
        proven(found, form, pcrs, **options)
    assert type(caught.value) is error


def mixed_list() -> logs.ImaList:
    """Make a list with an entry of every kind."""
    return logs.ImaList([
        logs.ima_file("boot_aggregate", b"registers"),
        logs.ima_file("/bin/a", b"a"),
        logs.ima_file("/bin/b", b"b", template="ima-sig"),
        logs.ima_file("/bin/c", b"c", template="ima-sig", signature=b"\3\2"),
        logs.ima_file("keys", b"k", template="ima-buf", signature=b"k"),
        logs.ima_file("/mnt/log", violation=True),
        logs.ima_file("/bin/d", b"d", template="ima-ngv2"),
        logs.ima_file("/bin/e", b"e", alg="sha512"),
        logs.ima_file("/bin/f", b"f", template="ima-sig"),
    ])
