# SPDX-License-Identifier: Apache-2.0
"""Keep a log record on one line: whatever a request says, it forges none."""

from __future__ import annotations

import logging
import re

_CONTROLS = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ud800-\udfff\ufeff]")


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
