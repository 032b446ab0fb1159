# SPDX-License-Identifier: Apache-2.0
"""Seal a bundle of keys to the host whose quote was just verified."""

from __future__ import annotations

from attestation_service import records as r
from attestation_service.core import bundle
from attestation_service.core.tpm import wrap
from attestation_service.core.tpm.quote import VerifiedQuote
from attestation_service.core.tpm.structures import Public
from attestation_service.flows.settings import Settings
from attestation_service.ports import Randomness, Signer
from nova_trusted_launch.wire.release import (
    Bundle,
    ReleaseRequest,
    SealedKey,
)


class Sealer:
    """Makes sealed keys: one TPM, one boot, one session, one release."""

    def __init__(self, signer: Signer, random: Randomness,
                 settings: Settings) -> None:
        self._signer = signer
        self._random = random
        self._settings = settings

    def seal(self, keys: Bundle, attester: r.Attester, *,
             quote: VerifiedQuote, release_id: str,
             request: ReleaseRequest) -> SealedKey:
        """Seal ``keys`` to the boot PCRs of ``quote``.

        The quote must have been verified for this very request: it binds the
        TPM's session to it.

        :raises UnendorsedKey: the EK is none that we can seal to.
        """
        ek = Public.parse(attester.ek_public)
        key = self._random.bytes(bundle.KEY_SIZE)
        boot = quote.pcrs.only(
            self._settings.sealed_registers & quote.pcrs.values.keys())
        sealed = wrap.seal(
            key, parent=ek, parent_name=wrap.parent_name_of(ek), pcrs=boot,
            release_id=release_id, nonce_tpm=request.nonce_tpm,
            expiration=int(self._settings.session_life.total_seconds()),
            policy_key_public=self._signer.policy_public(),
            randomness=self._random.bytes(wrap.RANDOM_SIZE))
        return sealed.sealed_key(
            self._signer.sign_policy(sealed.to_sign),
            bundle.encrypt(keys, key=key,
                           nonce=self._random.bytes(bundle.NONCE_SIZE),
                           release_id=release_id))
