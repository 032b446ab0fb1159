# SPDX-License-Identifier: Apache-2.0
"""Options of the HTTP edge: where it listens, who may talk to it."""

from __future__ import annotations

import copy

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "api", title="HTTP API",
    help="Where the service listens and how callers prove who they are.")

OPTS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        "bind_host", default="127.0.0.1",
        help="Address that attestation-service-api listens on. With "
             "auth_strategy = static anything but a loopback address is "
             "refused at start."),
    cfg.PortOpt(
        "bind_port", default=8786,
        help="TCP port that attestation-service-api listens on. It fails to "
             "start when the port is taken."),
    cfg.IntOpt(
        "workers", default=2, min=1, max=256,
        help="Worker processes. Too few leave processors idle, each costs "
             "up to 150 MB of memory."),
    cfg.IntOpt(
        "threads", default=4, min=1, max=256,
        help="Threads of each worker. Together with [database] "
             "max_pool_size: threads beyond the pool wait for a connection."),
    cfg.IntOpt(
        "timeout", default=60, min=1,
        help="Seconds after which a worker that does not answer is "
             "replaced."),
    cfg.StrOpt(
        "tls_certificate",
        help="PEM file with the certificate chain for TLS in the server "
             "itself. Unset: plain HTTP, for use behind a proxy that speaks "
             "TLS."),
    cfg.StrOpt(
        "tls_key",
        help="PEM file with the private key of tls_certificate. The server "
             "fails to start when only one of the two is set."),
    cfg.StrOpt(
        "auth_strategy", default="keystone",
        choices=[("keystone", "tokens are validated by keystonemiddleware"),
                 ("static", "development only: tokens from a file, "
                            "loopback only")],
        help="How callers are authenticated. There is no strategy without "
             "authentication."),
    cfg.IntOpt(
        "page_size", default=100, min=1,
        help="Items in an answer to a list request without a limit. Capped "
             "by max_page_size."),
    cfg.IntOpt(
        "max_page_size", default=1000, min=1,
        help="Items in an answer at most; a larger limit asked for is "
             "refused."),
    cfg.ListOpt(
        "metrics_networks", default=["127.0.0.0/8", "::1/128"],
        help="Networks (CIDR) that may read /metrics. Others get 403. An "
             "entry that is no network stops the service at start."),
    cfg.StrOpt(
        "origin", default="host-attestation",
        help="Name of the log of receipts, part of every signed checkpoint. "
             "Changing it makes verifiers treat the log as another one."),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group and its options."""
    return [(GROUP, OPTS)]
