# SPDX-License-Identifier: Apache-2.0
"""Find the endorsement key to enrol with, and its certificate.

Certificates come from NV indexes or from files; the key is a persistent one
or is made again from its template.  A key counts only when its numbers are
those of the certificate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nova_trusted_launch.agent import ekcert
from nova_trusted_launch.agent import templates
from nova_trusted_launch.agent.templates import EkTemplate
from nova_trusted_launch.agent.tpm import TpmError


class EkSource(Protocol):
    """Where certificates and keys are looked for: the TPM."""

    def nv(self, index: int) -> bytes | None:
        """Return an NV index's bytes; None when it is not defined."""

    def persistent(self) -> Sequence[tuple[int, bytes]]:
        """Return every persistent object's handle and TPMT_PUBLIC."""

    def made_from(self, template: bytes) -> bytes:
        """Make a primary key; return its TPMT_PUBLIC and forget it."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """DER certificates that the operator handed us in files.

    ``ek`` is tried before what the TPM holds.
    """

    ek: tuple[bytes, ...] = ()
    intermediates: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundEk:
    """An endorsement key: a persistent handle, or else a template."""

    kind: str
    handle: int | None
    template: bytes
    public: bytes
    certificate: bytes
    intermediates: tuple[bytes, ...]


def find_ek(source: EkSource, kinds: Iterable[str],
            given: Certificates) -> FoundEk:
    """Return the first key of the most preferred kind with a certificate.

    :raises TpmError: there is none; says what was tried.
    """
    tried = []
    for kind in kinds:
        for row in templates.EK_TEMPLATES:
            if row.kind != kind:
                continue
            for certificate in _certificates(source, row, given):
                tried.append(f"{kind} of {row.certificate_index:#x}")
                found = _match(source, row, certificate)
                if found is not None:
                    handle, template, public = found
                    return FoundEk(kind, handle, template, public,
                                   certificate, _chain(source, given))
    raise TpmError("no endorsement key with its certificate"
                   + (f"; tried {', '.join(tried)}" if tried else
                      ": the TPM holds none, and none was configured"))


def _certificates(source: EkSource, row: EkTemplate,
                  given: Certificates) -> Iterable[bytes]:
    yield from given.ek
    yield from ekcert.split_der(source.nv(row.certificate_index) or b"")[:1]


def _match(source: EkSource, row: EkTemplate, certificate: bytes
           ) -> tuple[int | None, bytes, bytes] | None:
    """Find the key that the certificate is for: persistent, then made."""
    numbers = ekcert.key_numbers(certificate)
    if numbers is None:
        return None
    template = source.nv(row.template_index) or row.default
    for handle, public in source.persistent():
        if (templates.is_storage_key(public)
                and templates.shape(public) == templates.shape(template)
                and templates.unique_numbers(public) == numbers):
            return handle, template, public
    # Making an RSA key takes a hardware TPM up to half a minute: not for a
    # certificate that cannot be its.
    if len(numbers) != len(templates.unique_numbers(template)):
        return None
    public = source.made_from(template)
    if templates.unique_numbers(public) != numbers:
        return None
    return None, template, public


def _chain(source: EkSource, given: Certificates) -> tuple[bytes, ...]:
    parts = (source.nv(index) for index in templates.INTERMEDIATES)
    stored = ekcert.split_der(b"".join(p for p in parts if p))
    return tuple(dict.fromkeys((*given.intermediates, *stored)))
