# SPDX-License-Identifier: Apache-2.0
"""``[agent]`` in trusted-launch-agent.conf."""

from __future__ import annotations

import socket

from oslo_config import cfg

GROUP = "agent"

_IDENTITY = [
    cfg.StrOpt(
        "host", default=socket.gethostname(),
        sample_default="<host name>",
        help="""
The name of this host to Nova: ``[DEFAULT] host`` of its nova.conf.

With another name than Nova's, no instance on this host gets a key.  A host
that is renamed enrols again, which the service refuses until an operator has
retired the old attester.
"""),
    cfg.StrOpt(
        "state_path", default="/var/lib/trusted-launch/agent.json",
        help="""
File that holds who this host is at the service; it holds no secret.

Without it the host enrols again, which the service refuses until an operator
has retired the old attester.
"""),
    cfg.BoolOpt(
        "enrol_again", default=False,
        help="""
Enrol anew when the service has retired this host.

Off, because an operator retires a host to end its trust: with a list of
approved TPMs at the service, the host would be back a moment later.  To let a
retired host enrol again once, stop the agent, remove ``state_path``, and
start it.
"""),
]

_TPM = [
    cfg.StrOpt(
        "tcti", default="device:/dev/tpmrm0",
        help="""
How to reach the TPM, as a TCTI string of the TSS: ``device:/dev/tpmrm0``,
``tabrmd:`` or ``swtpm:host=127.0.0.1,port=2321``.

With a wrong one the host neither attests nor gets keys.
"""),
    cfg.ListOpt(
        "ek_kinds", default=["ek-p384", "ek-p256", "ek-rsa2048"],
        item_type=cfg.types.String(
            choices=["ek-p384", "ek-p256", "ek-rsa2048"]),
        help="""
Endorsement keys to use, most preferred first.

The first for which the TPM (or ``ek_certificate_file``) has a certificate is
taken.  Changed after the enrolment, keys sealed to this host no longer open:
have the attester retired and enrol again.
"""),
    cfg.StrOpt(
        "ek_certificate_file",
        help="""
Endorsement key certificate (PEM or DER), for a TPM that does not hold it.
"""),
    cfg.ListOpt(
        "ek_intermediates_files", default=[],
        help="""
Certificates (PEM or DER) between the endorsement key's and the TPM maker's
root, where the service's trust anchors hold only the root.

Those that the TPM itself holds are sent without being named here.
"""),
    cfg.StrOpt(
        "endorsement_auth_file",
        help="""
File with the authorization value of the TPM's endorsement hierarchy.

Without it the empty value is used, which is what TPMs have unless somebody
set one.  With a wrong one the TPM refuses everything.
"""),
    cfg.BoolOpt(
        "tpm_owned", default=False,
        help="""
This agent is the only user of the TPM: a software TPM of its own.

Then the agent starts it up, clears what a killed agent left in it, and shuts
it down when it stops.  Never for a TPM behind a resource manager or that
others use: shutting it down would take it away from them.
"""),
    cfg.IntOpt(
        "parallel_releases", default=2, min=1, max=64,
        help="""
Releases that run at the same time; each holds a TPM session.

A TPM without a resource manager has three sessions, and one is needed for
the endorsement key: with more than 2 releases fail there.
"""),
    cfg.FloatOpt(
        "release_wait", default=30.0, min=0,
        help="""
Seconds that a release waits for one of ``parallel_releases``, before it is
refused.
"""),
    cfg.BoolOpt(
        "lock_memory", default=True,
        help="""
Lock the agent's memory, so that keys which pass through it never reach this
host's swap.

Needs root or ``LimitMEMLOCK=infinity``; where it is not possible the agent
warns and goes on.
"""),
]

_LOGS = [
    cfg.StrOpt(
        "boot_log_path",
        default="/sys/kernel/security/tpm0/binary_bios_measurements",
        help="""
The firmware's event log; empty: this host has none.

A profile that looks at the boot does not affirm a host without it.
"""),
    cfg.StrOpt(
        "ima_log_path",
        default="/sys/kernel/security/ima/binary_runtime_measurements",
        help="""
The kernel's IMA list, in binary; empty: this host has none.

A profile that looks at files does not affirm a host without it.
"""),
]

_PACE = [
    cfg.FloatOpt(
        "interval", default=300.0, min=1,
        help="""
Seconds between two attestations.

Shortened by itself to half the life of the results that the service's
profiles give, so that a healthy host never runs out of them.
"""),
    cfg.FloatOpt(
        "retry_interval", default=5.0, min=0.1,
        help="""
Seconds until the next attempt after a failed one; doubled with each further
failure, up to ``interval``.
"""),
    cfg.FloatOpt(
        "waiting_interval", default=30.0, min=1,
        help="""
Seconds between attempts while an operator has to act first: approve this
host, or retire the one that had its name.
"""),
    cfg.FloatOpt(
        "jitter", default=0.2, min=0, max=1,
        help="""
Part of each pause that is left to chance, so that the hosts of a cloud do
not all attest at once.
"""),
]

_SOCKET = [
    cfg.StrOpt(
        "socket_path", default="/run/trusted-launch/agent.sock",
        help="""
Socket on which nova-compute asks for keys.

nova-compute's ``[trusted_launch] agent_socket`` has to name the same.
"""),
    cfg.ListOpt(
        "allowed_users", default=["nova"],
        help="""
Users (names or numbers) that may ask on the socket, besides root and the
agent's own user.

Whoever may ask gets the keys of every trusted instance of this host.  The
socket belongs to the first of them.
"""),
    cfg.IntOpt(
        "socket_connections", default=16, min=1,
        help="""
Requests that are served at the same time; others wait to be accepted.
"""),
    cfg.FloatOpt(
        "socket_timeout", default=10.0, min=0.1,
        help="""
Seconds that a peer may take to send its request or to read the reply.
"""),
]

OPTIONS = [*_IDENTITY, *_TPM, *_LOGS, *_PACE, *_SOCKET]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the agent's options."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options for oslo.config's sample generator."""
    return [(GROUP, OPTIONS)]
