# SPDX-License-Identifier: Apache-2.0
"""The host's TPM, as the port promises it.

Not decided here: who may ask (``server``), what for (``attester``,
``unseal``).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import tpm2_pytss as tss
from oslo_log import log as logging

from nova_trusted_launch.agent import templates
from nova_trusted_launch.agent import tpm as port
from nova_trusted_launch.agent import tpm_contents as contents
from nova_trusted_launch.agent.endorsement import Certificates
from nova_trusted_launch.agent.endorsement import find_ek
from nova_trusted_launch.agent.endorsement import FoundEk
from nova_trusted_launch.agent.tpm_tss import calls, unsealing
from nova_trusted_launch.agent.tpm_tss.line import Line, Lines, TssOptions
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from nova_trusted_launch.wire.release import policy_ref, SealedKey

LOG = logging.getLogger(__name__)
_QUOTE_ATTEMPTS = 5


class _Ek:
    """The endorsement key that this host enrols with."""

    def __init__(self, kinds: tuple[str, ...],
                 certificates: Certificates) -> None:
        self._kinds, self._certificates = kinds, certificates
        self._found: FoundEk | None = None

    def find(self, esapi: Any) -> FoundEk:
        """Look for it, once."""
        if self._found is None:
            found = contents.TpmContents(
                esapi, functools.partial(calls.made_from, esapi))
            self._found = find_ek(found, self._kinds, self._certificates)
        return self._found

    @contextlib.contextmanager
    def handle(self, esapi: Any) -> Iterator[Any]:
        """Have its handle for the time of the block."""
        ek = self.find(esapi)
        if ek.handle is not None:
            handle = esapi.tr_from_tpmpublic(ek.handle)
            try:
                yield handle
            finally:
                esapi.tr_close(handle)
            return
        with calls.primary(esapi, ek.template) as (handle, _):
            yield handle

    @contextlib.contextmanager
    def session(self, esapi: Any, ek: Any) -> Iterator[Any]:
        """Have what authorizes one use of it."""
        # tpm2-pytss frees the whole when only a part is referred to.
        public, *_ = esapi.read_public(ek)
        area = public.publicArea
        if area.objectAttributes & templates.USER_WITH_AUTH:
            yield calls.TR.PASSWORD
            return
        alg = HashAlg(int(area.nameAlg)).label
        session = calls.start_policy(esapi, area.nameAlg)
        try:
            esapi.policy_secret(
                auth_handle=calls.TR.ENDORSEMENT, policy_session=session,
                nonce_tpm=b"", cp_hash_a=b"", policy_ref=b"", expiration=0)
            if bytes(area.authPolicy) == templates.policy_or(alg):
                esapi.policy_or(session, tss.TPML_DIGEST(
                    list(templates.policy_branches(alg))))
            yield session
        finally:
            calls.flush(esapi, session)


class TssTpm:
    """The host's TPM."""

    def __init__(self, options: TssOptions,
                 certificates: Certificates | None = None) -> None:
        self._lines = Lines(options)
        self._ek = _Ek(options.kinds, certificates or Certificates())

    def endorsement(self) -> port.Endorsement:
        """See :class:`port.Tpm`."""
        with self._lines.esapi() as esapi:
            ek = self._ek.find(esapi)
        return port.Endorsement(ek.kind, ek.public, ek.certificate,
                                ek.intermediates)

    def ak_public(self, unique: bytes) -> bytes:
        """See :class:`port.Tpm`."""
        with self._lines.esapi() as esapi, _ak(esapi, unique) as (_, public):
            return bytes(public.publicArea.marshal())

    def activate(self, unique: bytes, id_object: bytes,
                 secret: bytes) -> bytes:
        """See :class:`port.Tpm`."""
        blob = calls.unmarshal(tss.TPM2B_ID_OBJECT, id_object)
        seed = calls.unmarshal(tss.TPM2B_ENCRYPTED_SECRET, secret)
        with self._lines.esapi() as esapi, _ak(esapi, unique) as (ak, _), \
                self._ek.handle(esapi) as ek, \
                self._ek.session(esapi, ek) as session:
            return bytes(esapi.activate_credential(
                ak, ek, blob, seed, session2=session))

    def quote(self, unique: bytes, qualifying: bytes,
              selection: PcrSelection, *, urgent: bool = False
              ) -> port.Quoted:
        """See :class:`port.Tpm`."""
        with self._lines.esapi(urgent=urgent) as esapi, \
                _ak(esapi, unique) as (ak, _):
            for _attempt in range(_QUOTE_ATTEMPTS):
                quoted = calls.quote_once(esapi, ak, qualifying, selection)
                if quoted is not None:
                    return quoted
        raise port.TpmError("the PCRs keep changing while they are quoted")

    def policy_session(self) -> TssPolicySession:
        """See :class:`port.Tpm`."""
        with self._lines.taken(urgent=True) as line:
            session = calls.start_policy(line.esapi, tss.TPM2_ALG.SHA256)
            try:
                nonce = bytes(line.esapi.trsess_get_nonce_tpm(session))
            except BaseException:
                calls.flush(line.esapi, session)
                raise
            line.users += 1
        return TssPolicySession(self, line, session, nonce)

    def close(self) -> None:
        """Shut an owned TPM down; a shared one is just let go."""
        self._lines.close()

    def unseal_in(self, line: Line, session: Any, nonce: bytes,
                  sealed: SealedKey, reference: bytes) -> bytearray:
        """Do the work of :meth:`TssPolicySession.unseal`."""
        with self._lines.esapi(line, urgent=True) as esapi:
            kind = self._ek.find(esapi).kind
            if kind != sealed.parent:
                raise port.SealRefused(
                    f"the key is sealed under {sealed.parent}, this host "
                    f"enrolled with {kind}")
            return unsealing.unseal(
                esapi, self._ek, session, nonce=nonce, sealed=sealed,
                reference=reference)

    def end(self, line: Line, session: Any) -> None:
        """Do the work of :meth:`TssPolicySession.close`."""
        try:
            with self._lines.esapi(line, urgent=True) as esapi:
                calls.flush(esapi, session)
        except port.TpmError as exc:
            # Its TPM restarted: the session went with it.
            LOG.info("A policy session was gone already: %s", exc)
        finally:
            self._lines.give_back(line)


class TssPolicySession:
    """See :class:`port.PolicySession`."""

    def __init__(self, tpm: TssTpm, line: Line, session: Any,
                 nonce: bytes) -> None:
        self._tpm, self._line, self._session = tpm, line, session
        self._open = True
        self.nonce = nonce

    def unseal(self, sealed: SealedKey, release_id: str) -> bytearray:
        """See :class:`port.PolicySession`."""
        if not self._open:
            raise port.TpmError("the policy session is closed")
        return self._tpm.unseal_in(self._line, self._session, self.nonce,
                                   sealed, policy_ref(release_id))

    def close(self) -> None:
        """See :class:`port.PolicySession`."""
        if self._open:
            self._open = False
            self._tpm.end(self._line, self._session)


def _ak(esapi: Any, unique: bytes) -> Any:
    return calls.primary(esapi, templates.attestation_key(unique))
