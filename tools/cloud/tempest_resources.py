# SPDX-License-Identifier: Apache-2.0
"""Make what Tempest's tests are told of: a profile, a flavor, good hosts.

Prints their names and ids as NAME=VALUE lines for a shell.
"""

from __future__ import annotations

import sys

from tools.cloud import lab

PROFILE = FLAVOR = "tempest.trusted"


def main() -> None:
    """Make what is missing, and say what there is."""
    admin = lab.User("admin")
    lab.ensure_approved(admin)
    lab.ensure_profile(admin, PROFILE, lab.HOSTS[0])
    lab.ensure_flavor(admin, FLAVOR, {"trusted_launch:profile": PROFILE})
    for host in lab.HOSTS:
        lab.attested(admin, host, PROFILE, say=_say)
    image = admin.conn.image.find_image("guest", ignore_missing=False)
    for name, value in (("PROFILE", PROFILE), ("IMAGE", image.id),
                        ("FLAVOR", admin.flavor(FLAVOR))):
        print(f"TEMPEST_{name}={value}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
