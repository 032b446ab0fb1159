# SPDX-License-Identifier: Apache-2.0
"""Make Keystone's database, keys and first account.

The same as ``keystone-manage db_sync``, ``fernet_setup``,
``credential_setup`` and ``bootstrap``.  Loading Keystone is most of what each
of those costs: here it is loaded once, and every command gets a fork of it.
"""

from __future__ import annotations

import os
import sys
import traceback

from keystone.cmd import cli

# Everything runs as root here, and root owns the keys.
OWNER = ("--keystone-user", "root", "--keystone-group", "root")
COMMANDS = (
    ("db_sync",),
    ("fernet_setup", *OWNER),
    ("credential_setup", *OWNER),
    ("bootstrap",),
)


def run(arguments: tuple[str, ...]) -> int:
    """Run one keystone-manage command in a process of its own."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        cli.main(["keystone-manage", *sys.argv[1:], *arguments])
        status = 0
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else bool(exc.code)
    except Exception:
        traceback.print_exc()
    os._exit(status)


if __name__ == "__main__":
    for command in COMMANDS:
        if run(command):
            sys.exit(f"keystone-manage {command[0]} failed")
