# SPDX-License-Identifier: Apache-2.0
"""A TPM maker, and what the service thinks of its TPMs' certificates."""

from __future__ import annotations

from attestation_service.core.endorsement import (
    TrustAnchors, verify_endorsement)
from tests.fakes.ca import NOW
from tests.fakes.tpm import FakeCa

CA = FakeCa()
ANCHORS = TrustAnchors.of(hardware=[CA.root.der])


def endorse(tpm, certificate=None, **changed):
    """Verify a TPM's certificate, or another; with one thing changed."""
    given = {"anchors": ANCHORS, "now": NOW} | changed
    chain = given.pop("intermediates", tpm.intermediates)
    if certificate is None:
        certificate = tpm.ek_certificate
    return verify_endorsement(certificate, chain,
                              given.pop("ek_public", tpm.ek_public), **given)
