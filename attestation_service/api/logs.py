# SPDX-License-Identifier: Apache-2.0
"""Keep a log record on one line: whatever a request says, it forges none."""

from __future__ import annotations

import logging
import re

from nova_trusted_launch.wire import encoding

_CONTROLS = re.compile(rf"[{encoding.INVISIBLE}\ud800-\udfff]")


class OneLine(logging.Filter):
    """Write controls and direction marks of a message as escapes.

    A traceback keeps its lines; oslo.log marks each of them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Escape the message; every record passes."""
        message = record.getMessage()
        escaped = _CONTROLS.sub(_escape, message)
        if escaped != message:
            record.msg, record.args = escaped, None
        return True


def keep_to_one_line() -> None:
    """Put the filter on every handler of the root logger."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(OneLine())


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
