# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted host evidence``: a host's evidence, to judge it again.

What the service kept is written into a folder that ``attestation-verify
evidence`` reads, with the profiles that judged it and the sets of reference
values they name.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from osc_lib import exceptions

from nova_trusted_launch.osc import commands
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.evidence import Evidence

_COLUMNS = ("Profile", "Tier then", "Judge again with")
# A binary IMA list begins with the number of a register.
_BINARY = b"\0"


class EvidenceHost(commands.Lister):
    """Download a host's kept evidence, to judge it without the service"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("host", metavar="<host>",
                            help="Host name or attester id")
        parser.add_argument("--output", metavar="<folder>", required=True,
                            help="A new folder to write into")
        parser.add_argument("--id", metavar="<evidence-id>",
                            help="This evidence (default: the newest kept; "
                                 "'trusted host explain' lists them)")
        parser.add_argument("--trust", metavar="<folder>", default="TRUST",
                            help="Folder of trusted CA certificates, to "
                                 "name in what is printed")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Download."""
        kept = self._kept(parsed)
        folder = pathlib.Path(parsed.output)
        results = [r for r in self.service.results_history(kept["attester_id"])
                   if r["issued_at"] == kept["received_at"]]
        try:
            folder.mkdir(parents=True)
            _write_evidence(folder, kept)
            sets = {result["profile"]: list(self._write_profile(
                folder, result)) for result in results}
        except OSError as exc:
            raise exceptions.CommandError(
                f"{exc.filename}: {exc.strerror}") from exc
        return _COLUMNS, [
            (result["profile"], result["tier"], shlex.join(_again(
                folder, kept, result, sets[result["profile"]],
                parsed.trust))) for result in results]

    def _kept(self, parsed: argparse.Namespace) -> Mapping[str, Any]:
        """Fetch one piece of evidence.

        :raises CommandError: none is kept.
        """
        wanted = parsed.id
        if wanted is None:
            found = self.service.attester_evidence_list(parsed.host)
            if not found:
                raise exceptions.CommandError(
                    f"no evidence of {parsed.host} is kept (yet)")
            wanted = found[0]["id"]
        return self.service.attester_evidence_show(parsed.host, wanted)

    def _write_profile(self, folder: pathlib.Path,
                       result: Mapping[str, Any]) -> Iterator[str]:
        """Write a profile as it was, and return its sets' names."""
        document = self.service.profile_version_show(
            result["profile"], result["version"])["document"]
        _json(folder / "profiles" / f"{result['profile']}.json", document)
        for name in sorted(_sets(document)):
            _json(folder / "reference_values" / f"{name}.json",
                  self.service.reference_show(name))
            yield name


def _write_evidence(folder: pathlib.Path, kept: Mapping[str, Any]) -> None:
    evidence = Evidence.from_dict(kept["envelope"])
    files = {
        "ak.tpm2b_public": _tpm2b(encoding.unb64(kept["ak_public"],
                                                 "ak_public")),
        "quote.attest": evidence.quote, "quote.sig": evidence.signature,
        "pcrs.json": json.dumps(evidence.pcrs.to_dict(), indent=1).encode(),
        "nonce": kept["qualifying"].encode(),
        **dict(_logs(evidence)), **dict(_papers(kept))}
    for name, data in files.items():
        (folder / name).write_bytes(data)


def _logs(evidence: Evidence) -> Iterator[tuple[str, bytes]]:
    if evidence.boot_log is not None:
        yield "bios_measurements", evidence.boot_log
    if evidence.ima_log is not None:
        binary = _BINARY in evidence.ima_log[:4]
        yield "ima_bin" if binary else "ima_ascii", evidence.ima_log


def _papers(kept: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Name certificates as the captures of hosts do."""
    if kept["ek_certificate"]:
        data = encoding.unb64(kept["ek_certificate"], "ek_certificate")
        yield f"ek_{_kind(data)}.der", data
    for number, text in enumerate(kept["intermediates"]):
        yield f"intermediate_{number}.der", encoding.unb64(
            text, "intermediates")


def _kind(certificate: bytes) -> str:
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError:
        return "unknown"
    return "ecc" if isinstance(key, ec.EllipticCurvePublicKey) else "rsa"


def _tpm2b(public: bytes) -> bytes:
    return len(public).to_bytes(2, "big") + public


def _sets(document: Any) -> Iterable[str]:
    """Return every name of a set in a document."""
    if isinstance(document, list):
        return {name for item in document for name in _sets(item)}
    if not isinstance(document, dict):
        return ()
    found = {name for item in document.values() for name in _sets(item)}
    named = document.get("reference_values", ())
    return found | {name for name in named if isinstance(name, str)}


def _again(folder: pathlib.Path, kept: Mapping[str, Any],
           result: Mapping[str, Any], sets: Iterable[str],
           trust: str) -> list[str]:
    """Write the command that comes to the same again."""
    command = ["attestation-verify", "evidence", str(folder), "--profile",
               str(folder / "profiles" / f"{result['profile']}.json"),
               "--trust", trust, "--nonce", kept["qualifying"], "--at",
               kept["received_at"]]
    for name in sets:
        command += ["--reference",
                    str(folder / "reference_values" / f"{name}.json")]
    for name, value in sorted(kept["labels"].items()):
        command += ["--label", f"{name}={value}"]
    return command


def _json(path: pathlib.Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
