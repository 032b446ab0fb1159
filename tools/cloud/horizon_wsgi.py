# SPDX-License-Identifier: Apache-2.0
"""Horizon with its collected static files, as a web server would serve them.

Compressed files carry a hash in their name; the rest may be kept an hour.
"""

from __future__ import annotations

import os

from openstack_dashboard.wsgi import application as horizon
from werkzeug.middleware.shared_data import SharedDataMiddleware

application = SharedDataMiddleware(
    horizon, {"/static": os.environ["NTL_HORIZON_STATIC"]},
    cache_timeout=3600)
