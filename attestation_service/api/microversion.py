# SPDX-License-Identifier: Apache-2.0
"""The microversion a request asks for: ``host-attestation MAJOR.MINOR``."""

from __future__ import annotations

import microversion_parse

from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code

SERVICE_TYPE = "host-attestation"
HEADER = "OpenStack-API-Version"
MINIMUM = microversion_parse.parse_version_string("1.0")
MAXIMUM = microversion_parse.parse_version_string("1.0")


def negotiate(headers: dict[str, str]) -> str:
    """Return the version to speak; without a wish it is the oldest.

    :raises Invalid: the header cannot be read.
    :raises Refusal: REQUEST_VERSION: we do not speak that version.
    """
    wish = microversion_parse.get_version(headers, SERVICE_TYPE)
    if wish is None:
        return str(MINIMUM)
    if wish == "latest":
        return str(MAXIMUM)
    try:
        version = microversion_parse.parse_version_string(wish)
    except (TypeError, ValueError) as exc:
        raise errors.Invalid(f"{HEADER}: not a version") from exc
    if not MINIMUM <= version <= MAXIMUM:
        raise errors.Refusal(
            f"{HEADER}: from {MINIMUM} to {MAXIMUM}", Code.REQUEST_VERSION)
    return str(version)


def header(version: str) -> str:
    """Return the header's value for an answer."""
    return f"{SERVICE_TYPE} {version}"
