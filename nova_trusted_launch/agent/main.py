# SPDX-License-Identifier: Apache-2.0
"""``trusted-launch-agent``: the daemon."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from oslo_service import backend
from oslo_service import service as oslo_service

from nova_trusted_launch.agent import bus
from nova_trusted_launch.agent import deploy
from nova_trusted_launch.agent.hardening import harden
from nova_trusted_launch.agent.server import SocketTaken
from nova_trusted_launch.agent.state import StateError
from nova_trusted_launch.client import conf as client_conf
from nova_trusted_launch.conf import agent as options

LOG = logging.getLogger(__name__)

PROJECT = "trusted-launch"
PROGRAM = "trusted-launch-agent"
_QUIET = ["keystoneauth=WARN", "urllib3=WARN", "requests=WARN",
          "oslo.messaging=INFO", "amqp=WARN", "stevedore=WARN"]


class AgentService(oslo_service.ServiceBase):
    """The agent as oslo.service runs it: threads, one process."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._agent = deploy.build(conf)
        self._bus: bus.Bus | None = None
        self._loop = threading.Thread(
            target=self._agent.loop.run, name="attest", daemon=True)
        self._stopped = threading.Event()

    def start(self) -> None:
        """Listen for nova-compute and for the bus; begin to attest."""
        self._agent.server.start()
        if bus.configured(self._conf):
            self._bus = bus.Bus(self._conf, self._conf.agent.host,
                                self._agent.loop.attest_now)
            self._bus.start()
        self._loop.start()
        LOG.info("Agent of host %s is up", self._conf.agent.host)

    def stop(self) -> None:
        """Finish what is under way and let the TPM go."""
        self._agent.loop.stop()
        self._agent.server.stop()
        if self._bus is not None:
            self._bus.stop()
        # A service that hangs must not keep us: its timeout is longer.
        self._loop.join(timeout=10)
        self._agent.tpm.close()
        self._stopped.set()

    def wait(self) -> None:
        """Wait until stopped."""
        self._stopped.wait()

    def reset(self) -> None:
        """Nothing is read again without a restart."""


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM; 1 when the configuration cannot be used."""
    conf = configure(sys.argv[1:] if argv is None else argv)
    backend.init_backend(backend.BackendType.THREADING)
    threading.excepthook = _log_failure
    harden(lock_memory=conf.agent.lock_memory)
    try:
        running = AgentService(conf)
        # One process: a parent that supervises is what systemd is for.
        oslo_service.launch(conf, running, no_fork=True)
    except (deploy.Misconfigured, SocketTaken, StateError, OSError) as exc:
        LOG.error("%s", exc)
        print(f"{PROGRAM}: {exc}", file=sys.stderr)
        return 1
    except SystemExit as exc:
        # SIGHUP: stop in order; whoever supervises starts us again.
        if getattr(exc, "signo", None) != signal.SIGHUP:
            raise
        running.stop()
    return 0


def configure(argv: list[str]) -> cfg.ConfigOpts:
    """Read the options and set logging up."""
    # The TSS would print what it sends, keys included, at its trace level;
    # what goes wrong we log ourselves.
    os.environ["TSS2_LOG"] = "all+NONE"
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    logging.set_defaults(
        default_log_levels=logging.get_default_log_levels() + _QUIET)
    options.register_opts(conf)
    client_conf.register_opts(conf)
    conf(argv, project=PROJECT, prog=PROGRAM,
         default_config_files=cfg.find_config_files(PROJECT, PROGRAM))
    logging.setup(conf, PROGRAM)
    return conf


def _log_failure(args: Any) -> None:
    LOG.error("A thread failed", exc_info=(
        args.exc_type, args.exc_value, args.exc_traceback))


if __name__ == "__main__":
    sys.exit(main())
