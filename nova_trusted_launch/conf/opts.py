# SPDX-License-Identifier: Apache-2.0
"""Entry points of oslo.config's sample generator, one per file."""

from __future__ import annotations

import itertools

from oslo_config import cfg

from nova_trusted_launch.client import conf as client_conf
from nova_trusted_launch.conf import agent


def list_agent_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return what trusted-launch-agent.conf holds of ours."""
    return list(itertools.chain(agent.list_opts(), client_conf.list_opts()))
