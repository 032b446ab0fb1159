# SPDX-License-Identifier: Apache-2.0
"""The service's options: one module per group, all registered here.

Each module has ``GROUP``, ``OPTS``, ``register_opts(conf)`` and
``list_opts()``.  A configuration is an argument everywhere; only
``attestation_service.wsgi`` and the commands make one.  A group is copied
when it is registered: oslo.config keeps what is set in the group itself, and
two configurations would share it.
"""

from __future__ import annotations

from oslo_config import cfg

from attestation_service.conf import (
    api,
    appraisal,
    database,
    enrolment,
    limits,
    messaging,
    nova,
    placement,
    release,
    signing,
    static,
    vault,
)

MODULES = (
    api,
    appraisal,
    database,
    enrolment,
    limits,
    messaging,
    nova,
    placement,
    release,
    signing,
    static,
    vault,
)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register every option of the service."""
    for module in MODULES:
        module.register_opts(conf)
