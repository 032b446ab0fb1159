# SPDX-License-Identifier: Apache-2.0
"""attestation-service-manage: the database and the keys of the service.

All of it may be done while the service runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from oslo_config import cfg
from oslo_log import log as logging

from attestation_service import conf as options
from attestation_service import deploy, private_files, wiring
from attestation_service.core import errors
from attestation_service.signing.keyring import Ring, Use
from attestation_service.store import migrate
from nova_trusted_launch.wire import encoding


def sync(conf: cfg.ConfigOpts) -> None:
    """Make or upgrade the tables."""
    revision = migrate.sync(wiring.database(conf))
    print(f"The database is at revision {revision}.")


def version(conf: cfg.ConfigOpts) -> None:
    """Print the revision of the tables, and the newest."""
    found = migrate.version(wiring.database(conf))
    print(f"Database: {found or 'empty'}. Newest: {migrate.newest()}.")


def list_keys(conf: cfg.ConfigOpts) -> None:
    """Print the signing keys, newest first."""
    _print(wiring.keyring(conf, deploy.now).ring())


def rotate_keys(conf: cfg.ConfigOpts) -> None:
    """Sign with new keys from now on; the old ones go on verifying."""
    _print(wiring.keyring(conf, deploy.now).rotate())


def rotate_vault(conf: cfg.ConfigOpts) -> None:
    """Encrypt the built-in vault anew under a new master key."""
    if conf.vault.backend != "builtin":
        raise errors.Invalid("[vault] backend is not builtin: rotate the "
                             "key manager's own keys")
    vault = wiring.builtin_vault(conf, wiring.database(conf),
                                 deploy.SystemRandomness())
    print(f"{vault.rotate()} secrets are under a new master key. Copy "
          f"{conf.vault.master_key_file} to your backup.")


COMMANDS: dict[str, dict[str, Callable[[cfg.ConfigOpts], None]]] = {
    "db": {"sync": sync, "version": version},
    "keys": {"list": list_keys, "rotate": rotate_keys},
    "vault": {"rotate": rotate_vault},
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 when it could not be done."""
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    options.register_opts(conf)
    conf.register_cli_opt(cfg.SubCommandOpt(
        "command", title="Commands", handler=_add_parsers))
    conf(sys.argv[1:] if argv is None else list(argv),
         project=deploy.PROJECT, prog="attestation-service-manage",
         default_config_files=deploy.config_files())
    logging.setup(conf, deploy.PROJECT)
    try:
        conf.command.run(conf)
    except (errors.Refusal, private_files.NotPrivate, OSError,
            ValueError) as exc:
        print(f"attestation-service-manage: {exc}", file=sys.stderr)
        return 1
    return 0


def _add_parsers(subparsers) -> None:
    for noun, verbs in COMMANDS.items():
        parser = subparsers.add_parser(noun, help=f"{', '.join(verbs)}")
        below = parser.add_subparsers(dest="verb", required=True)
        for verb, run in verbs.items():
            below.add_parser(verb, help=run.__doc__).set_defaults(run=run)


def _print(ring: Ring) -> None:
    current = {ring.current(use).kid for use in Use}
    for key in ring.known:
        state = "current" if key.kid in current else "verifies"
        print(f"{key.kid}  {key.use.value:7}  {state:8}  "
              f"{encoding.timestamp(key.created_at)}")


if __name__ == "__main__":
    sys.exit(main())
