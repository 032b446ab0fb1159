# SPDX-License-Identifier: Apache-2.0
"""The TPM port over tpm2-pytss; the only module that imports it.

A connection is opened when somebody needs the TPM and closed when nobody does,
so that a TPM that restarted is simply found again, and a TPM that serves one
client at a time is not kept from others.  An open policy session keeps the
connection: a resource manager would forget the session without it.

Not decided here: who may ask (``server``), what for (``attester``,
``unseal``).
"""

from __future__ import annotations

import contextlib
import functools
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import tpm2_pytss as tss
from oslo_log import log as logging

from nova_trusted_launch.agent import templates
from nova_trusted_launch.agent import tpm as port
from nova_trusted_launch.agent import tpm_contents as contents
from nova_trusted_launch.agent.endorsement import Certificates
from nova_trusted_launch.agent.endorsement import find_ek
from nova_trusted_launch.agent.endorsement import FoundEk
from nova_trusted_launch.agent.turns import Turns
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from nova_trusted_launch.wire.release import policy_ref, SealedKey

LOG = logging.getLogger(__name__)

_TR = tss.ESYS_TR
_TCTI_LAYER = 0x000A0000
_LAYERS = 0x00FF0000
_INITIALIZE = 0x100
_QUOTE_ATTEMPTS = 5
_NULL_SYMMETRIC = {"algorithm": tss.TPM2_ALG.NULL}
_REFUSALS = {
    0x084: "the PCRs are not those of the policy",
    0x09B: "the service's permission is not for this policy session",
    0x09D: "the PCRs are not those that the service saw in the quote",
    0x09F: "the key was sealed for another TPM",
    0x0A3: "the service's permission has expired",
    0x101: "the key was sealed for another TPM",
    0x128: "a PCR changed while the key was being unsealed",
}


@dataclass(frozen=True, slots=True)
class TssOptions:
    """How to reach and use the TPM.

    ``owned`` says that this agent is the TPM's only user: then it starts the
    TPM up, clears leftovers of a crash and shuts it down.  ``kinds`` are the
    endorsement keys to use, most preferred first.
    """

    tcti: str
    kinds: tuple[str, ...] = ("ek-p384", "ek-p256", "ek-rsa2048")
    owned: bool = False
    endorsement_auth: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class _Line:
    """An open connection and how many need it; mutable, under the turn."""

    esapi: Any
    users: int = 0
    broken: bool = False


class TssTpm:
    """The host's TPM."""

    def __init__(self, options: TssOptions,
                 certificates: Certificates | None = None) -> None:
        self._options = options
        self._certificates = certificates or Certificates()
        self._turns = Turns()
        self._line: _Line | None = None
        self._ek: FoundEk | None = None
        self._used = False

    # What the port promises.

    def endorsement(self) -> port.Endorsement:
        """See :class:`port.Tpm`."""
        with self._esapi() as esapi:
            ek = self._find_ek(esapi)
        return port.Endorsement(ek.kind, ek.public, ek.certificate,
                                ek.intermediates)

    def ak_public(self, unique: bytes) -> bytes:
        """See :class:`port.Tpm`."""
        with self._esapi() as esapi, self._ak(esapi, unique) as (_, public):
            return bytes(public.publicArea.marshal())

    def activate(self, unique: bytes, id_object: bytes,
                 secret: bytes) -> bytes:
        """See :class:`port.Tpm`."""
        blob = _unmarshal(tss.TPM2B_ID_OBJECT, id_object)
        seed = _unmarshal(tss.TPM2B_ENCRYPTED_SECRET, secret)
        with self._esapi() as esapi, self._ak(esapi, unique) as (ak, _), \
                self._ek_handle(esapi) as ek, \
                self._ek_session(esapi, ek) as session:
            return bytes(esapi.activate_credential(
                ak, ek, blob, seed, session2=session))

    def quote(self, unique: bytes, qualifying: bytes,
              selection: PcrSelection, *, urgent: bool = False
              ) -> port.Quoted:
        """See :class:`port.Tpm`."""
        with self._esapi(urgent=urgent) as esapi, \
                self._ak(esapi, unique) as (ak, _):
            for _attempt in range(_QUOTE_ATTEMPTS):
                quoted = _quote_once(esapi, ak, qualifying, selection)
                if quoted is not None:
                    return quoted
        raise port.TpmError("the PCRs keep changing while they are quoted")

    def policy_session(self) -> TssPolicySession:
        """See :class:`port.Tpm`."""
        with self._on_line(urgent=True) as line:
            session = _start_policy(line.esapi, tss.TPM2_ALG.SHA256)
            try:
                nonce = bytes(line.esapi.trsess_get_nonce_tpm(session))
            except BaseException:
                _flush(line.esapi, session)
                raise
            line.users += 1
        return TssPolicySession(self, line, session, nonce)

    def close(self) -> None:
        """Shut an owned TPM down; a shared one is just let go."""
        if not (self._options.owned and self._used):
            return
        try:
            with self._esapi(urgent=True) as esapi:
                esapi.shutdown(tss.TPM2_SU.CLEAR)
        except port.TpmError as exc:
            LOG.warning("The TPM could not be shut down: %s", exc)

    # The connection.

    @contextlib.contextmanager
    def _esapi(self, line: _Line | None = None, *, urgent: bool = False
               ) -> Iterator[Any]:
        with self._on_line(line, urgent=urgent) as taken:
            yield taken.esapi

    @contextlib.contextmanager
    def _on_line(self, line: _Line | None = None, *, urgent: bool = False
                 ) -> Iterator[_Line]:
        """Take a turn on ``line``, or on the connection of the day."""
        with self._turns.take(urgent=urgent):
            line = line or self._open()
            line.users += 1
            try:
                with _translated(line):
                    yield line
            finally:
                self._release(line)

    def _open(self) -> _Line:
        if self._line is None or self._line.broken:
            try:
                line = _Line(tss.ESAPI(self._options.tcti))
            except (tss.TSS2_Exception, RuntimeError) as exc:
                raise port.TpmError(f"the TPM cannot be reached: {exc}"
                                    ) from exc
            try:
                with _translated(line):
                    self._greet(line.esapi)
            except BaseException:
                line.esapi.close()
                raise
            self._line = line
        return self._line

    def _greet(self, esapi: Any) -> None:
        if self._options.owned:
            try:
                esapi.startup(tss.TPM2_SU.CLEAR)
            except tss.TSS2_Exception as exc:
                if exc.rc != _INITIALIZE:
                    raise
            if not self._used:
                _flush_leftovers(esapi)
        self._used = True
        if self._options.endorsement_auth:
            esapi.tr_set_auth(_TR.ENDORSEMENT,
                              self._options.endorsement_auth)

    def _release(self, line: _Line) -> None:
        line.users -= 1
        if line.users == 0:
            if self._line is line:
                self._line = None
            line.esapi.close()

    # Keys.

    @contextlib.contextmanager
    def _ak(self, esapi: Any, unique: bytes) -> Iterator[tuple[Any, Any]]:
        with _primary(esapi, templates.attestation_key(unique)) as made:
            yield made

    @contextlib.contextmanager
    def _ek_handle(self, esapi: Any) -> Iterator[Any]:
        ek = self._find_ek(esapi)
        if ek.handle is not None:
            handle = esapi.tr_from_tpmpublic(ek.handle)
            try:
                yield handle
            finally:
                esapi.tr_close(handle)
            return
        with _primary(esapi, ek.template) as (handle, _):
            yield handle

    @contextlib.contextmanager
    def _ek_session(self, esapi: Any, ek: Any) -> Iterator[Any]:
        """Yield what authorizes one use of the endorsement key."""
        # tpm2-pytss frees the whole when only a part is referred to.
        public, *_ = esapi.read_public(ek)
        area = public.publicArea
        if area.objectAttributes & templates.USER_WITH_AUTH:
            yield _TR.PASSWORD
            return
        alg = HashAlg(int(area.nameAlg)).label
        session = _start_policy(esapi, area.nameAlg)
        try:
            esapi.policy_secret(
                auth_handle=_TR.ENDORSEMENT, policy_session=session,
                nonce_tpm=b"", cp_hash_a=b"", policy_ref=b"", expiration=0)
            if bytes(area.authPolicy) == templates.policy_or(alg):
                esapi.policy_or(session, tss.TPML_DIGEST(
                    list(templates.policy_branches(alg))))
            yield session
        finally:
            _flush(esapi, session)

    def _find_ek(self, esapi: Any) -> FoundEk:
        if self._ek is None:
            found = contents.TpmContents(
                esapi, functools.partial(_made_from, esapi))
            self._ek = find_ek(found, self._options.kinds,
                               self._certificates)
        return self._ek

    def unseal_in(self, line: _Line, session: Any, nonce: bytes,
                  sealed: SealedKey, reference: bytes) -> bytearray:
        """Do the work of :meth:`TssPolicySession.unseal`."""
        public = _unmarshal(tss.TPM2B_PUBLIC, sealed.public)
        duplicate = _unmarshal(tss.TPM2B_PRIVATE, sealed.duplicate)
        seed = _unmarshal(tss.TPM2B_ENCRYPTED_SECRET, sealed.seed)
        with self._esapi(line, urgent=True) as esapi, _refusals():
            if self._find_ek(esapi).kind != sealed.parent:
                raise port.SealRefused(
                    f"the key is sealed under {sealed.parent}, this host "
                    f"enrolled with {self._find_ek(esapi).kind}")
            with self._ek_handle(esapi) as ek:
                with self._ek_session(esapi, ek) as auth:
                    private = esapi.import_(
                        ek, b"", public, duplicate, seed,
                        tss.TPMT_SYM_DEF_OBJECT(**_NULL_SYMMETRIC),
                        session1=auth)
                with self._ek_session(esapi, ek) as auth:
                    key = esapi.load(ek, private, public, session1=auth)
            try:
                esapi.policy_pcr(session, b"", _tss_selection(
                    sealed.selection))
                _policy_signed(esapi, session, nonce, sealed, reference)
                return _take(esapi.unseal(key, session1=session))
            finally:
                _flush(esapi, key)

    def end(self, line: _Line, session: Any) -> None:
        """Do the work of :meth:`TssPolicySession.close`."""
        try:
            with self._esapi(line, urgent=True) as esapi:
                _flush(esapi, session)
        except port.TpmError as exc:
            # Its TPM restarted: the session went with it.
            LOG.info("A policy session was gone already: %s", exc)
        finally:
            with self._turns.take(urgent=True):
                self._release(line)


class TssPolicySession:
    """See :class:`port.PolicySession`."""

    def __init__(self, tpm: TssTpm, line: _Line, session: Any,
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


@contextlib.contextmanager
def _translated(line: _Line) -> Iterator[None]:
    try:
        yield
    except tss.TSS2_Exception as exc:
        if exc.rc & _LAYERS == _TCTI_LAYER:
            line.broken = True
            raise port.TpmError(f"the TPM went away: {exc}") from exc
        raise port.TpmError(f"the TPM answered {exc.rc:#x}: {exc}") from exc


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Tell a TPM that keeps the key from one that failed."""
    try:
        yield
    except tss.TSS2_Exception as exc:
        reason = _REFUSALS.get(exc.error if exc.fmt1 else int(exc.rc))
        if reason is None or exc.rc & _LAYERS:
            raise
        raise port.SealRefused(f"{reason} ({exc.rc:#x})") from exc


def _unmarshal(kind: Any, data: bytes) -> Any:
    """Read a structure; tpm2-pytss would ignore what follows it."""
    try:
        value, used = kind.unmarshal(data)
    except (tss.TSS2_Exception, TypeError, ValueError) as exc:
        raise port.TpmError(f"not a {kind.__name__}") from exc
    if used != len(data):
        raise port.TpmError(f"bytes after the {kind.__name__}")
    return value


def _start_policy(esapi: Any, alg: Any) -> Any:
    return esapi.start_auth_session(
        _TR.NONE, _TR.NONE, tss.TPM2_SE.POLICY,
        tss.TPMT_SYM_DEF(algorithm=tss.TPM2_ALG.NULL), alg)


def _flush(esapi: Any, handle: Any) -> None:
    """Flush; a failure must not hide why we are here."""
    try:
        esapi.flush_context(handle)
    except tss.TSS2_Exception as exc:
        LOG.info("A handle could not be flushed: %s", exc)


@contextlib.contextmanager
def _primary(esapi: Any, template: bytes) -> Iterator[tuple[Any, Any]]:
    area = _unmarshal(tss.TPMT_PUBLIC, template)
    handle, public, *_ = esapi.create_primary(
        tss.TPM2B_SENSITIVE_CREATE(), tss.TPM2B_PUBLIC(publicArea=area),
        _TR.ENDORSEMENT)
    try:
        yield handle, public
    finally:
        _flush(esapi, handle)


def _policy_signed(esapi: Any, session: Any, nonce: bytes,
                   sealed: SealedKey, reference: bytes) -> None:
    area = _unmarshal(tss.TPMT_PUBLIC, sealed.policy_key)
    signature = _unmarshal(tss.TPMT_SIGNATURE, sealed.policy_signature)
    signer = esapi.load_external(tss.TPM2B_PUBLIC(publicArea=area))
    try:
        # By name: the order changed between releases of tpm2-pytss.
        esapi.policy_signed(
            auth_object=signer, policy_session=session, nonce_tpm=nonce,
            cp_hash_a=b"", policy_ref=reference,
            expiration=sealed.expiration, auth=signature)
    finally:
        _flush(esapi, signer)


def _take(secret: Any) -> bytearray:
    """Copy a secret out of the library's memory and overwrite it there."""
    data = bytearray(bytes(secret))
    raw = secret._cdata
    for i in range(raw.size):
        raw.buffer[i] = 0
    return data


def _tss_selection(selection: PcrSelection) -> Any:
    return tss.TPML_PCR_SELECTION([tss.TPMS_PCR_SELECTION(
        hash=tss.TPM2_ALG(selection.alg.value),
        pcrs=sorted(selection.registers))])


def _quote_once(esapi: Any, ak: Any, qualifying: bytes,
                selection: PcrSelection) -> port.Quoted | None:
    """Quote; None when a register changed between reading and quoting."""
    pcrs = _read_pcrs(esapi, selection)
    attest, signature = esapi.quote(ak, _tss_selection(selection),
                                    qualifying)
    raw = bytes(attest.attestationData)
    info, _ = tss.TPMS_ATTEST.unmarshal(raw)
    digest = HashAlg.SHA256.digest(pcrs.concatenated())
    if not hmac.compare_digest(bytes(info.attested.quote.pcrDigest), digest):
        return None
    return port.Quoted(raw, bytes(signature.marshal()), pcrs,
                       int(info.clockInfo.resetCount))


def _read_pcrs(esapi: Any, selection: PcrSelection) -> PcrBank:
    values: dict[int, bytes] = {}
    missing = set(selection.registers)
    while missing:
        _, chosen, digests = esapi.pcr_read(
            _tss_selection(PcrSelection(selection.alg, frozenset(missing))))
        got = _registers(chosen)
        if not got:
            raise port.TpmError(
                f"the TPM has no {selection.alg.label} bank with these PCRs")
        values.update(zip(got, (bytes(d) for d in digests), strict=True))
        missing -= set(got)
    return PcrBank(selection.alg, values)


def _registers(chosen: Any) -> Sequence[int]:
    found = []
    for bank in chosen:
        bitmap = int.from_bytes(
            bytes(bank.pcrSelect)[:bank.sizeofSelect], "little")
        found += [i for i in range(bitmap.bit_length()) if bitmap >> i & 1]
    return found


def _flush_leftovers(esapi: Any) -> None:
    """Clear what a killed predecessor left in a TPM that is ours alone."""
    for kind in (contents.OBJECTS, contents.SESSIONS,
                 contents.SAVED_SESSIONS):
        for number in contents.handles(esapi, kind):
            LOG.info("Flushing a left over handle %#x", number)
            _flush(esapi, esapi.tr_from_tpmpublic(number))


def _made_from(esapi: Any, template: bytes) -> bytes:
    with _primary(esapi, template) as (_, public):
        return bytes(public.publicArea.marshal())
