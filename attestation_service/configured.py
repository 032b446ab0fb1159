# SPDX-License-Identifier: Apache-2.0
"""Values made of the configuration: settings, trust anchors, approved EKs.

In: a parsed configuration, and files an operator wrote.  Out: the values that
flows take, or ValueError with a sentence that names option and file: the
service does not start on half a configuration.
"""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import re
from collections.abc import Mapping

from oslo_config import cfg

from attestation_service.core.trust_anchors import TrustAnchors
from attestation_service.flows.settings import Settings, log_settings
from nova_trusted_launch.wire.digests import PCR_COUNT, HashAlg

_RANGE = re.compile(r"(\d{1,2})(?:-(\d{1,2}))?\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def settings(conf: cfg.ConfigOpts) -> Settings:
    """Return what the flows can be told.

    :raises ValueError: an option makes no sense.
    """
    limits, appraisal, release = conf.limits, conf.appraisal, conf.release
    return Settings(
        bank=HashAlg.from_label(appraisal.bank),
        registers=registers(appraisal.registers, "[appraisal] registers"),
        sealed_registers=registers(release.sealed_pcrs,
                                   "[release] sealed_pcrs"),
        challenge_life=_seconds(appraisal.challenge_lifetime),
        open_challenges=limits.open_challenges,
        open_releases=limits.open_releases,
        enrolment_life=_seconds(conf.enrolment.lifetime),
        open_enrolments=limits.open_enrolments,
        release_life=_seconds(release.lifetime),
        session_life=_seconds(release.session_lifetime),
        launch_life=_seconds(release.launch_lifetime),
        result_life=_seconds(appraisal.result_lifetime),
        snapshot_life=_seconds(appraisal.snapshot_lifetime),
        history_life=datetime.timedelta(days=appraisal.history_days),
        kept_evidence=limits.kept_evidence, log_origin=conf.api.origin,
        logs=dataclasses.replace(
            log_settings(), max_boot_log=limits.boot_log,
            max_boot_events=limits.boot_events, max_ima_log=limits.ima_log,
            max_ima_entries=limits.ima_entries))


def sizes(conf: cfg.ConfigOpts) -> Mapping[str, int]:
    """Return how large the bodies of requests may be, by kind."""
    return {name: conf.limits[name] for name in (
        "body", "document", "reference_values", "evidence")}


def registers(text: str, what: str) -> frozenset[int]:
    """Read ``0-9,14``.

    :raises ValueError: not numbers and ranges of PCRs.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.match(part.strip())
        if match is None:
            raise ValueError(f"{what}: {part!r} is no register or range")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < PCR_COUNT:
            raise ValueError(f"{what}: {part!r}: registers are 0 to "
                             f"{PCR_COUNT - 1}")
        found.update(range(first, last + 1))
    return frozenset(found)


def trust_anchors(conf: cfg.ConfigOpts) -> TrustAnchors:
    """Read the certificates of the CAs that are trusted to know a TPM.

    :raises ValueError: a file is no certificate of a CA.
    """
    options = conf.enrolment
    try:
        return TrustAnchors.of(
            hardware=_files(options.trust_anchors),
            software=_files(options.software_anchors),
            intermediates=_files(options.intermediates))
    except ValueError as exc:
        raise ValueError(f"[enrolment] certificates: {exc}") from exc


def approved_eks(conf: cfg.ConfigOpts) -> frozenset[bytes]:
    """Read the digests of EKs whose attesters need no approval.

    :raises ValueError: a line is no digest.
    """
    path = conf.enrolment.approved_eks_file
    if not path:
        return frozenset()
    lines = (line.partition("#")[0].strip() for line in
             pathlib.Path(path).read_text(encoding="utf-8").splitlines())
    digests = [line for line in lines if line]
    for digest in digests:
        if not _DIGEST.match(digest):
            raise ValueError(f"{path}: {digest!r} is no SHA-256 in hex")
    return frozenset(map(bytes.fromhex, digests))


def _files(folder: str | None) -> list[bytes]:
    if not folder or not pathlib.Path(folder).is_dir():
        return []
    return [path.read_bytes()
            for path in sorted(pathlib.Path(folder).iterdir())
            if path.is_file() and not path.name.startswith(".")]


def _seconds(number: int) -> datetime.timedelta:
    return datetime.timedelta(seconds=number)
