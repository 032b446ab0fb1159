# SPDX-License-Identifier: Apache-2.0
"""attestation-service-api: serve the API with gunicorn.

Any WSGI server can serve ``attestation_service.wsgi:application`` instead.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from gunicorn import util
from gunicorn.app.base import BaseApplication
from oslo_config import cfg

from attestation_service import deploy

_APPLICATION = "attestation_service.wsgi:application"
_METRICS = "PROMETHEUS_MULTIPROC_DIR"


class Server(BaseApplication):
    """gunicorn with our settings; workers import the application."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn its settings."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Import the application, in the worker."""
        return util.import_app(_APPLICATION)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until a signal ends it."""
    conf = deploy.load_conf(sys.argv[1:] if argv is None else list(argv))
    try:
        settings = settings_of(conf)
    except ValueError as exc:
        print(f"attestation-service-api: {exc}", file=sys.stderr)
        return 1
    # Workers load the same files; nothing but names goes through here.
    os.environ[deploy.CONFIG_FILES] = os.pathsep.join(conf.config_file)
    if _METRICS not in os.environ:
        folder = tempfile.mkdtemp(prefix="attestation-service-metrics-")
        os.environ[_METRICS] = folder
        settings["on_exit"] = lambda _server: shutil.rmtree(
            folder, ignore_errors=True)
    Server(settings).run()
    return 0


def settings_of(conf: cfg.ConfigOpts) -> dict[str, Any]:
    """Return gunicorn's settings.

    :raises ValueError: the configuration must not be served.
    """
    api = conf.api
    if api.auth_strategy == "static" and not _is_loopback(api.bind_host):
        raise ValueError(
            "[api] auth_strategy = static serves loopback only, but "
            f"bind_host is {api.bind_host}")
    if bool(api.tls_certificate) != bool(api.tls_key):
        raise ValueError("[api] tls_certificate and tls_key go together")
    host = f"[{api.bind_host}]" if ":" in api.bind_host else api.bind_host
    settings = {
        "bind": f"{host}:{api.bind_port}", "workers": api.workers,
        "worker_class": "gthread", "threads": api.threads,
        "timeout": api.timeout, "graceful_timeout": 30,
        # Who the client is says [oslo_middleware], not the server.
        "forwarded_allow_ips": "", "umask": 0o077,
        "proc_name": "attestation-service-api"}
    if api.tls_certificate:
        settings["certfile"] = api.tls_certificate
        settings["keyfile"] = api.tls_key
    return settings


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
