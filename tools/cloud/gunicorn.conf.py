# SPDX-License-Identifier: Apache-2.0
"""How gunicorn serves each API of the cloud.

Everything is told by the environment: OpenStack's applications read
``sys.argv`` themselves, so the server must not be given arguments.
"""

from __future__ import annotations

import os

wsgi_app = os.environ["NTL_WSGI_APP"]
bind = os.environ["NTL_BIND"].split(",")
workers = int(os.environ.get("NTL_WORKERS", "1"))
worker_class = "gthread"
threads = int(os.environ.get("NTL_THREADS", "8"))
timeout = 120
graceful_timeout = 2
keepalive = 30
accesslog = "-"
access_log_format = '%(h)s "%(r)s" %(s)s %(b)s %(L)s s'


def post_worker_init(worker):
    """Finish what Neutron leaves to its first, failing, request."""
    del worker
    if wsgi_app.startswith("neutron."):
        import sqlalchemy.orm  # noqa: PLC0415
        sqlalchemy.orm.configure_mappers()
