# SPDX-License-Identifier: Apache-2.0
"""The composition root: configuration -> adapters -> flows -> application.

Nothing else builds an adapter; nothing here decides anything.
"""

from __future__ import annotations

import datetime
import os
import secrets
import uuid
from collections.abc import Callable, Sequence

from oslo_config import cfg
from oslo_log import log as logging

from attestation_service import conf as options
from attestation_service import configured, policies, ports, wiring
from attestation_service.api import auth, logs, openapi, pipeline
from attestation_service.api.app import create_app
from attestation_service.api.metrics import Metrics
from attestation_service.api.paging import Paging
from attestation_service.api.problems import WsgiApp
from attestation_service.api.routes import ROUTES
from attestation_service.api.services import Services
from attestation_service.flows.assembly import Flows, Ports, assemble

PROJECT = "attestation-service"
CONFIG_FILES = "ATTESTATION_SERVICE_CONFIG_FILES"
METRICS = "PROMETHEUS_MULTIPROC_DIR"


class SystemRandomness:
    """The operating system's, for nonces, seeds and keys."""

    def bytes(self, size: int) -> bytes:
        """Return ``size`` random bytes."""
        return secrets.token_bytes(size)

    def uuid(self) -> str:
        """Return a random UUID."""
        return str(uuid.uuid4())


def config_files() -> list[str] | None:
    """Return the files of the environment; None: the usual places."""
    files = os.environ.get(CONFIG_FILES)
    return files.split(os.pathsep) if files else None


def load_conf(arguments: Sequence[str] = ()) -> cfg.ConfigOpts:
    """Read the configuration and set up logging.

    Without ``--config-file`` in the arguments, files come from
    ``ATTESTATION_SERVICE_CONFIG_FILES`` or from oslo.config's usual places.
    """
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    options.register_opts(conf)
    conf(list(arguments), project=PROJECT,
         default_config_files=config_files())
    logging.setup(conf, PROJECT)
    logs.keep_to_one_line()
    return conf


def now() -> datetime.datetime:
    """Return the time."""
    return datetime.datetime.now(datetime.UTC)


def load_app(conf: cfg.ConfigOpts) -> WsgiApp:
    """Build everything that the configuration names, and start to serve.

    Keys are made at the first start; tables are not ('db sync' does that).

    :raises ValueError: the configuration must not be served.
    :raises NotPrivate: others can read the service's keys.
    """
    outside = wiring.ports_of(conf, SystemRandomness(), now)
    flows = flows_of(conf, outside)
    app = app_of(conf, flows, outside.store)
    wiring.start_background(conf, outside, flows, now)
    return app


def flows_of(conf: cfg.ConfigOpts, outside: Ports) -> Flows:
    """Give the flows their ports and settings.

    :raises ValueError: the configuration must not be served.
    """
    return assemble(
        outside, anchors=configured.trust_anchors(conf),
        approved_eks=configured.approved_eks(conf),
        settings=configured.settings(conf))


def app_of(conf: cfg.ConfigOpts, flows: Flows, store: ports.Store,
           clock: Callable[[], datetime.datetime] = now) -> WsgiApp:
    """Put the application together.

    :raises ValueError: the configuration must not be served.
    """
    tokens = None
    if conf.api.auth_strategy == "static":
        tokens = auth.read_static_tokens(conf.static_tokens.file)
    enforcer = auth.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    metrics = Metrics(os.environ.get(METRICS))
    services = Services(
        access=auth.Access(enforcer), flows=flows,
        paging=Paging(conf.api.page_size, conf.api.max_page_size),
        sizes=configured.sizes(conf), clock=clock, metrics=metrics,
        openapi=openapi.document(ROUTES))

    def ask_store() -> int:
        with store.unit() as unit:
            return unit.results.sequence()

    return pipeline.build(create_app(services, ROUTES), conf, metrics,
                          ask_store, tokens)
