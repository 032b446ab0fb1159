# SPDX-License-Identifier: Apache-2.0
"""``nova trusted-verify``: what can be proven of a server.

An extension of python-novaclient (entry point ``novaclient.extension``) for
people who still type ``nova``; ``openstack trusted server verify`` does the
same.

Not decided here: what counts as proven (``client.verification``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from novaclient import exceptions
from novaclient import utils

from nova_trusted_launch.client import errors, trust, verification
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError

_COLUMNS = {"Statement": lambda s: s.what, "Outcome": lambda s: s.word,
            "Detail": lambda s: s.detail}


@utils.arg("server", metavar="<server>", help="Name or ID of the server.")
@utils.arg("--profile", metavar="<profile>", default=None,
           help="Profile that the host must have satisfied.")
@utils.arg("--nonce", metavar="<base64url>", default=None,
           help="Your secret number of the launch token.")
@utils.arg("--image-digest", metavar="<hex>", default=None,
           help="SHA-256 of the image you uploaded.")
@utils.arg("--hardware", action="store_true", default=False,
           help="The TPM must be a hardware TPM.")
@utils.arg("--keys", metavar="<file>", default=None,
           help="The attestation service's public keys (JWKS) if you have "
                "them from elsewhere.")
def do_trusted_verify(cs: Any, args: argparse.Namespace) -> None:
    """Check a server's receipt of its trusted launch; exits with 1 when
    anything is refuted.
    """
    server = utils.find_resource(cs.servers, args.server)
    nova = cs.client
    service = TrustedLaunchClient.of_session(
        nova.session, auth=nova.auth, interface=nova.interface,
        region_name=nova.region_name)
    try:
        report = verification.verify_server(
            service, expectation(server, args),
            jwks=trust.read_key_set(args.keys))
    except errors.ClientError as exc:
        raise exceptions.CommandError(
            f"{exc.code}: {exc.detail}\n{exc.action}".strip()) from exc
    except trust.Untrusted as exc:
        raise exceptions.CommandError(str(exc)) from exc
    utils.print_list(report.statements, list(_COLUMNS), _COLUMNS)
    receipt = report.receipt
    told = (f"server {receipt.instance_id} was released to host "
            f"{receipt.host} for {receipt.action.value} at "
            f"{encoding.timestamp(receipt.issued_at)}")
    if not report.verified:
        raise exceptions.CommandError(f"NOT VERIFIED: {told}")
    print(f"VERIFIED: {told}")


def expectation(server: Any, args: argparse.Namespace
                ) -> verification.Expectation:
    """Return what the tenant knows, and what Nova says of the server.

    :raises CommandError: an option cannot be read.
    """
    image = server.image["id"] if server.image else None
    return verification.Expectation(
        instance_id=server.id, project_id=server.tenant_id,
        profile=args.profile, image_id=image,
        image_digest=_read(encoding.unhex, args.image_digest,
                           "image digest"),
        nonce=_read(encoding.unb64, args.nonce, "nonce"),
        hardware=args.hardware)


def _read(how: Callable[[str, str], bytes], value: str | None,
          what: str) -> bytes | None:
    if value is None:
        return None
    try:
        return how(value, what)
    except WireError as exc:
        raise exceptions.CommandError(str(exc)) from exc
