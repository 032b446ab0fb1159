# SPDX-License-Identifier: Apache-2.0
"""Fill in a configuration template from the environment.

Usage: render.py TEMPLATE TARGET.  ``$NAME`` stands for a variable of the
environment; an unknown one is an error.  The target is written only when it
changes, mode 0600, because most of these files hold a password.
"""

from __future__ import annotations

import os
import pathlib
import string
import sys


def main(template: str, target: str) -> None:
    text = string.Template(pathlib.Path(template).read_text("utf-8"))
    try:
        content = text.substitute(os.environ)
    except KeyError as exc:
        sys.exit(f"{template}: {exc.args[0]} is not set")
    path = pathlib.Path(target)
    if path.exists() and path.read_text("utf-8") == content:
        return
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
