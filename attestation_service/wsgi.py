# SPDX-License-Identifier: Apache-2.0
"""The WSGI application for gunicorn, uWSGI or mod_wsgi.

Configuration files come from ``ATTESTATION_SERVICE_CONFIG_FILES`` (separated
as in PATH) or from where oslo.config looks for ``attestation-service``; the
server's own command line is left alone.
"""

from __future__ import annotations

from attestation_service import deploy

application = deploy.load_app(deploy.load_conf())
