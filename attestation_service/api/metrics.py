# SPDX-License-Identifier: Apache-2.0
"""Counters for Prometheus: what was appraised, released and refused.

Counters and histograms only: with several worker processes
(``PROMETHEUS_MULTIPROC_DIR``) those are the kinds that simply add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import prometheus_client
from prometheus_client import multiprocess, values

from attestation_service.core import errors
from nova_trusted_launch.wire.results import TrustTier

_BUCKETS = (.002, .005, .01, .02, .03, .06, .1, .25, .5, 1, 2.5, 5, 10)


class Metrics:
    """What the service counts of itself."""

    def __init__(self, multiprocess_dir: str | None = None) -> None:
        self._dir = multiprocess_dir
        if multiprocess_dir is not None:
            # It chose when it was imported, in the parent of the workers,
            # which had no directory yet.
            values.ValueClass = values.MultiProcessValue()
        self._registry = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Histogram(
            "trusted_launch_request_seconds", "Service time of requests",
            ["method", "route", "status"], buckets=_BUCKETS,
            registry=self._registry)
        self._results = prometheus_client.Counter(
            "trusted_launch_results", "Attestation results made",
            ["profile", "tier"], registry=self._registry)
        self._releases = prometheus_client.Counter(
            "trusted_launch_releases", "Releases decided, by outcome",
            ["code"], registry=self._registry)

    def request(self, method: str, route: str, status: int,
                seconds: float) -> None:
        """Count one request; ``route`` is the template, not the path."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def results(self, made: Iterable[tuple[str, TrustTier]]) -> None:
        """Count results by profile and tier."""
        for profile, tier in made:
            self._results.labels(profile, tier.label).inc()

    @contextmanager
    def release(self) -> Iterator[None]:
        """Count a release by its outcome: ``granted`` or the code."""
        try:
            yield
        except errors.Refusal as refusal:
            self._releases.labels(str(refusal.code)).inc()
            raise
        self._releases.labels("granted").inc()

    def app(self) -> Callable[..., Any]:
        """Return the WSGI application of /metrics."""
        registry = self._registry
        if self._dir is not None:
            registry = prometheus_client.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, self._dir)
        return prometheus_client.make_wsgi_app(registry)
