# SPDX-License-Identifier: Apache-2.0
"""Who is who in policy: check strings and the shape of a default.

Keystone expands roles (admin implies member, member implies reader), so a
rule names the least role that is enough.
"""

from __future__ import annotations

from oslo_policy import policy

# The whole world, with or without a token.
PUBLIC = "@"

ADMIN = "role:admin"
# Agents on compute hosts, and Nova's own services.
SERVICE = "role:service"
SERVICE_OR_ADMIN = "role:service or role:admin"
# Operators who look but do not touch.
SYSTEM_READER = "role:admin or (role:reader and system_scope:all)"
SYSTEM_READER_OR_SERVICE = f"role:service or {SYSTEM_READER}"
PROJECT_MEMBER = (
    "role:admin or (role:member and project_id:%(project_id)s)")
PROJECT_READER = (
    "role:admin or (role:reader and project_id:%(project_id)s)")
PROJECT_READER_OR_SERVICE = f"role:service or {PROJECT_READER}"
AUTHENTICATED = (
    "role:reader or role:member or role:service or role:admin")

ANY_SCOPE = ("system", "domain", "project")
SCOPES = ("system", "project")
PROJECT = ("project",)


def default(name: str, check: str, description: str, *operations: str,
            scopes: tuple[str, ...] = SCOPES) -> policy.DocumentedRuleDefault:
    """Make the default of ``trusted_launch:<name>``.

    ``operations`` are ``METHOD /path`` as in the API reference.
    """
    pairs = [operation.split(" ", 1) for operation in operations]
    return policy.DocumentedRuleDefault(
        name=f"trusted_launch:{name}", check_str=check,
        description=description, scope_types=list(scopes),
        operations=[{"method": m, "path": path} for m, path in pairs])
