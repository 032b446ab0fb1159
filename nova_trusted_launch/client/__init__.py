# SPDX-License-Identifier: Apache-2.0
"""Access to the attestation service and to the host's agent.

``from_conf(conf, group)`` makes a client; it raises :class:`Unavailable` when
nobody decided and :class:`Refused` when the answer is no.
"""

from __future__ import annotations

from nova_trusted_launch.client.conf import from_conf
from nova_trusted_launch.client.errors import ClientError
from nova_trusted_launch.client.errors import Refused
from nova_trusted_launch.client.errors import Unavailable

__all__ = ["ClientError", "Refused", "Unavailable", "from_conf"]
