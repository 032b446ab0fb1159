# SPDX-License-Identifier: Apache-2.0
"""The boot logs that were captured, of machines and of whole hosts."""

from __future__ import annotations

from tests.fakes import logs

LOGS = sorted((logs.VECTORS / "boot-logs").glob("*.bin"))
OTHERS = sorted((logs.VECTORS / "boot-logs/others").glob("*.bin"))
HOSTS = ("sb-tcg", "many", "viol")
