# SPDX-License-Identifier: Apache-2.0
"""Where snapshots come from: the service, and the keys to verify them.

Nothing is contacted before it is needed, so nova-scheduler starts whatever
the state of the service.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from nova_trusted_launch import client
from nova_trusted_launch.client import trust
from nova_trusted_launch.conf import trusted_launch as options
from nova_trusted_launch.wire.snapshot import Snapshot


class Source:
    """Fetch signed snapshots over keystoneauth1 and verify them."""

    def __init__(self, conf: Any) -> None:
        self._conf = conf
        self._api: Any = None
        self._verifier: trust.Verifier | None = None

    def fetch(self, since: int) -> str:
        """Ask the service for what changed after ``since``.

        :raises ClientError: it did not answer, or refused.
        """
        return self._service().results_snapshot(since=since)

    def verify(self, token: str) -> Snapshot:
        """Prove who signed ``token``; look for new keys once if unknown.

        :raises ValueError: nobody we trust signed it.
        """
        if self._verifier is not None:
            try:
                return self._verifier.snapshot(token)
            except trust.UnknownKey:
                self._verifier = None
        self._verifier = trust.Verifier(self._keys())
        return self._verifier.snapshot(token)

    def _service(self) -> Any:
        if self._api is None:
            self._api = client.from_conf(self._conf, options.GROUP)
        return self._api

    def _keys(self) -> Any:
        path = self._conf[options.GROUP].jwks_file
        if path:
            return json.loads(pathlib.Path(path).read_text("utf-8"))
        return self._service().jwks()
