# SPDX-License-Identifier: Apache-2.0
"""Commands of the TPM, each with what it needs and leaving nothing behind."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Any

import tpm2_pytss as tss
from oslo_log import log as logging

from nova_trusted_launch.agent import tpm as port
from nova_trusted_launch.agent import tpm_contents as contents
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection

LOG = logging.getLogger(__name__)
TR = tss.ESYS_TR


def unmarshal(kind: Any, data: bytes) -> Any:
    """Read a structure; tpm2-pytss would ignore what follows it."""
    try:
        value, used = kind.unmarshal(data)
    except (tss.TSS2_Exception, TypeError, ValueError) as exc:
        raise port.TpmError(f"not a {kind.__name__}") from exc
    if used != len(data):
        raise port.TpmError(f"bytes after the {kind.__name__}")
    return value


def start_policy(esapi: Any, alg: Any) -> Any:
    return esapi.start_auth_session(
        TR.NONE, TR.NONE, tss.TPM2_SE.POLICY,
        tss.TPMT_SYM_DEF(algorithm=tss.TPM2_ALG.NULL), alg)


def flush(esapi: Any, handle: Any) -> None:
    """Flush; a failure must not hide why we are here."""
    try:
        esapi.flush_context(handle)
    except tss.TSS2_Exception as exc:
        LOG.info("A handle could not be flushed: %s", exc)


@contextlib.contextmanager
def primary(esapi: Any, template: bytes) -> Iterator[tuple[Any, Any]]:
    area = unmarshal(tss.TPMT_PUBLIC, template)
    handle, public, *_ = esapi.create_primary(
        tss.TPM2B_SENSITIVE_CREATE(), tss.TPM2B_PUBLIC(publicArea=area),
        TR.ENDORSEMENT)
    try:
        yield handle, public
    finally:
        flush(esapi, handle)


def tss_selection(selection: PcrSelection) -> Any:
    return tss.TPML_PCR_SELECTION([tss.TPMS_PCR_SELECTION(
        hash=tss.TPM2_ALG(selection.alg.value),
        pcrs=sorted(selection.registers))])


def quote_once(esapi: Any, ak: Any, qualifying: bytes,
                selection: PcrSelection) -> port.Quoted | None:
    """Quote; None when a register changed between reading and quoting."""
    pcrs = _read_pcrs(esapi, selection)
    attest, signature = esapi.quote(ak, tss_selection(selection),
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
            tss_selection(PcrSelection(selection.alg, frozenset(missing))))
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


def flush_leftovers(esapi: Any) -> None:
    """Clear what a killed predecessor left in a TPM that is ours alone."""
    for kind in (contents.OBJECTS, contents.SESSIONS,
                 contents.SAVED_SESSIONS):
        for number in contents.handles(esapi, kind):
            LOG.info("Flushing a left over handle %#x", number)
            flush(esapi, esapi.tr_from_tpmpublic(number))


def made_from(esapi: Any, template: bytes) -> bytes:
    with primary(esapi, template) as (_, public):
        return bytes(public.publicArea.marshal())
