# SPDX-License-Identifier: Apache-2.0
"""Moments: always aware, always UTC."""

from __future__ import annotations

import datetime

Time = datetime.datetime
