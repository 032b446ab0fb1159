# SPDX-License-Identifier: Apache-2.0
"""Options of what is said and heard on the message bus."""

from __future__ import annotations

import copy

from oslo_config import cfg

GROUP = cfg.OptGroup(
    "messaging", title="Message bus",
    help="What the service says and hears on the message bus. The bus "
         "itself is transport_url, the topics of notifications are those of "
         "[oslo_messaging_notifications]. Without transport_url the service "
         "runs without a bus.")

OPTS: list[cfg.Opt] = [
    cfg.FloatOpt(
        "interval", default=1.0, min=0.1,
        help="Seconds between looks for notifications that wait. While the "
             "bus does not answer, up to a minute."),
    cfg.BoolOpt(
        "listen_to_nova", default=True,
        help="Whether Nova's versioned notifications are heard: a deleted "
             "instance closes its lease. Without, only nova-compute's own "
             "message or an operator closes it."),
    cfg.ListOpt(
        "nova_topics", default=["versioned_notifications"],
        help="Topics of Nova's versioned notifications ([notifications] "
             "versioned_notifications_topics in nova.conf). With a wrong "
             "name no lease is closed by notification."),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group."""
    conf.register_group(copy.deepcopy(GROUP))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """Return this group for the sample generator."""
    return [(GROUP, OPTS)]
