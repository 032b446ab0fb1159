# SPDX-License-Identifier: Apache-2.0
"""Options of enrolment: whose TPMs are believed."""

from __future__ import annotations

import copy

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "enrolment", title="Enrolment",
    help="Whose TPMs are believed, and which are approved beforehand.")

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "trust_anchors", default="/etc/attestation-service/trust-anchors",
        help="Folder with certificates (PEM or DER) of the TPM makers' root "
             "CAs. Only TPMs with an EK certificate below one of them can "
             "enrol; an empty or absent folder lets nobody in, a file that "
             "is no CA's certificate stops the service at start. Put the CA "
             "of software TPMs into software_anchors instead."),
    cfg.StrOpt(
        "software_anchors",
        help="Folder with root CAs of software TPMs (swtpm). Hosts enrolled "
             "below these are marked as having no hardware root, and a "
             "profile that requires hardware refuses them. Unset: software "
             "TPMs can not enrol."),
    cfg.StrOpt(
        "intermediates",
        help="Folder with certificates of TPM makers' intermediate CAs, for "
             "hosts whose TPM holds none. They complete chains and anchor "
             "nothing."),
    cfg.StrOpt(
        "approved_eks_file",
        help="File with the SHA-256 (hex, one per line, # starts a comment) "
             "of the SubjectPublicKeyInfo of EKs whose attesters need no "
             "approval by an operator. Unset: every attester waits for "
             "approval. A line that is no digest stops the service at "
             "start."),
    cfg.IntOpt(
        "lifetime", default=300, min=10, max=86400,
        help="Seconds in which a host must activate its credential."),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group and its options."""
    return [(GROUP, OPTS)]
