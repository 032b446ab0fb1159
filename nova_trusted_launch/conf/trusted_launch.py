# SPDX-License-Identifier: Apache-2.0
"""``[trusted_launch]`` in nova.conf: for nova-scheduler and nova-compute."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "trusted_launch"

_SHARED = [
    cfg.FloatOpt(
        "timeout", default=5.0, min=0.1,
        help="""
Seconds that a scheduling waits at most for the attestation service.

When it has not answered by then, no host is good enough for a trusted
launch; other launches are not affected.  Too small: trusted launches fail
when the service is busy.  Too large: they fail later.
"""),
    cfg.FloatOpt(
        "snapshot_max_age", default=15.0, min=0,
        help="""
Seconds for which the scheduler uses its snapshot of results without asking
the service again.

A host that loses its good result can be chosen for that long; it gets no key
all the same, and the launch goes on at the next host.
"""),
    cfg.StrOpt(
        "jwks_file",
        help="""
File with the service's public signing keys (a JWK set).

Without it, the keys are fetched from the service over TLS when the process
starts, and again when a signature names an unknown key.  A wrong file makes
every result untrusted.
"""),
    cfg.FloatOpt(
        "max_clock_skew", default=60.0, min=1,
        help="""
Seconds by which this host's clock and the service's may differ.

With a larger difference no result is accepted, since nobody can tell whether
it is still valid.
"""),
]

_COMPUTE = [
    cfg.StrOpt(
        "agent_socket", default="/run/trusted-launch/agent.sock",
        help="""
Socket of this host's trusted-launch-agent.

When nothing listens there, trusted instances do not start on this host;
others are not affected.
"""),
    cfg.FloatOpt(
        "agent_timeout", default=60.0, min=1,
        help="""
Seconds to wait for a release: the agent quotes, the service decides and asks
Nova, the TPM unseals.
"""),
    cfg.FloatOpt(
        "lookup_timeout", default=3.0, min=0.1,
        help="""
Seconds to wait for the agent's answer whether an instance without any other
sign of it was launched trusted.
"""),
    cfg.FloatOpt(
        "boot_wait", default=120.0, min=0,
        help="""
Seconds that the automatic resume of instances waits for the agent after a
host reboot.
"""),
    cfg.StrOpt(
        "private_path", default="/run/trusted-launch/instances",
        help="""
Folder for the config drives of trusted instances.

It has to be on tmpfs: the config drive holds the tenant's nonce.  The user
that runs QEMU has to be able to pass through it.
"""),
    cfg.StrOpt(
        "libvirt_state_path", default="/var/lib/libvirt/qemu",
        help="""
Folder where libvirt keeps the master key of each running guest.

It has to be on tmpfs, otherwise the key that wraps disk keys reaches the
host's storage, and trusted launches are refused.
"""),
    cfg.IntOpt(
        "max_pbkdf_iterations", default=4_000_000, min=1000,
        help="""
Largest sum of PBKDF2 iterations that opening an encrypted image may cost.

Whoever makes an image chooses its iterations; a hostile number would keep
the host busy for minutes.
"""),
    cfg.StrOpt(
        "key_manager_backend", default="barbican",
        help="""
Castellan driver to which ``[key_manager] backend = trusted_launch`` passes
requests on once the host has been released for the instance.
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options that both services have, and nova-compute's."""
    conf.register_opts([*_SHARED, *_COMPUTE], group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options for oslo.config's sample generator."""
    return [(GROUP, [*_SHARED, *_COMPUTE])]
