# SPDX-License-Identifier: Apache-2.0
"""``TrustedLaunchFilter``: keep the hosts that the service vouches for.

nova.conf: add ``nova_trusted_launch.scheduler.filter.TrustedLaunchFilter`` to
``[filter_scheduler] available_filters`` and ``TrustedLaunchFilter`` to
``enabled_filters``.

It saves failed launches and protects nothing: forced hosts skip all filters,
and start or reboot never come here.  The release of keys decides.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from nova import conf as nova_conf
from nova.scheduler import filters
from oslo_log import log as logging

from nova_trusted_launch import admission
from nova_trusted_launch.conf import trusted_launch as options
from nova_trusted_launch.scheduler.snapshot import SnapshotKeeper, Unavailable
from nova_trusted_launch.scheduler.source import Source

LOG = logging.getLogger(__name__)
# A line in the log names at most so many hosts.
_HOSTS_PER_LINE = 50


class TrustedLaunchFilter(filters.BaseHostFilter):
    """Decide for all hosts of a request at once, by one snapshot."""

    # A rebuild may bring another image and profile to the same host.  (Nova
    # looks at this only in _filter_one; filter_all decides for rebuilds too.)
    RUN_ON_REBUILD = True

    def __init__(self, keeper: SnapshotKeeper | None = None) -> None:
        super().__init__()
        # The seam for tests; Nova calls us with no argument.
        self._keeper = keeper or _keeper(nova_conf.CONF)

    def filter_all(self, filter_obj_list: Iterable[Any],
                   spec_obj: Any) -> Iterator[Any]:
        """Return the hosts that satisfy what the request asks for."""
        hosts = list(filter_obj_list)
        try:
            return iter(self._passing(hosts, spec_obj))
        except Exception:
            # A filter that raises fails the launch with a fault text that
            # says nothing; no host is the same refusal, and it is logged.
            LOG.exception("Trusted launch filter failed: no host passes")
            return iter(())

    def _passing(self, hosts: list[Any], spec: Any) -> list[Any]:
        instance = getattr(spec, "instance_uuid", None)
        try:
            requirement = _requirement(spec)
            if requirement is None:
                return hosts
            view = self._keeper.latest()
            needed = requirement.profiles(view.profiles)
        except admission.Contradiction as exc:
            LOG.warning("Instance %s: no host passes, %s: %s",
                        instance, exc.code, exc)
            return []
        except Unavailable as exc:
            LOG.warning("Instance %s: no host passes, no snapshot of "
                        "attestation results: %s", instance, exc)
            return []
        return _sorted_out(hosts, needed, view.hosts, instance)


def _requirement(spec: Any) -> admission.Requirement | None:
    flavor = spec.flavor if "flavor" in spec else None
    extra = (flavor.extra_specs
             if flavor is not None and "extra_specs" in flavor else None)
    image = spec.image if "image" in spec else None
    traits: list[str] = []
    if image is not None and "properties" in image:
        # Other properties of ours do not survive the way to the scheduler.
        traits = image.properties.get("traits_required") or []
    hints = spec.scheduler_hints if "scheduler_hints" in spec else None
    return admission.Requirement.read(
        extra or {}, image_traits=traits, hints=hints or {})


def _sorted_out(hosts: list[Any], needed: admission.Needed,
                known: Any, instance: str | None) -> list[Any]:
    decide = admission.Judge(needed, int(time.time())).decide
    passing = []
    refused: dict[str, list[str]] = defaultdict(list)
    for host in hosts:
        verdict = decide(known.get(host.host))
        if isinstance(verdict, admission.Admitted):
            passing.append(host)
        else:
            refused[verdict.text].append(host.host)
    for why, names in refused.items():
        for i in range(0, len(names), _HOSTS_PER_LINE):
            LOG.info("Instance %s: refused, %s: %s", instance, why,
                     ", ".join(names[i:i + _HOSTS_PER_LINE]))
    if hosts and not passing:
        LOG.warning("Instance %s: none of %d hosts satisfies %s", instance,
                    len(hosts), " and ".join(sorted(needed.profiles)))
    return passing


def _keeper(conf: Any) -> SnapshotKeeper:
    options.register_opts(conf)
    source = Source(conf)
    group = conf[options.GROUP]
    return SnapshotKeeper(
        source.fetch, source.verify, max_age=group.snapshot_max_age,
        timeout=group.timeout, max_skew=group.max_clock_skew)
