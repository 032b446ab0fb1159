# SPDX-License-Identifier: Apache-2.0
"""attestation-service-status: can this release serve with what is there?"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Sequence

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from attestation_service import conf as options
from attestation_service import deploy, private_files, wiring
from attestation_service.core import errors
from attestation_service.store import migrate

_OK = upgradecheck.Code.SUCCESS
_WARNING = upgradecheck.Code.WARNING
_FAILURE = upgradecheck.Code.FAILURE


class Checks(upgradecheck.UpgradeCommands):
    """``upgrade check`` makes neither tables nor keys."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._settings = conf

    def _database(self) -> upgradecheck.Result:
        newest = migrate.newest()
        try:
            found = migrate.version(wiring.database(self._settings))
        except errors.Unavailable as exc:
            return upgradecheck.Result(_FAILURE, str(exc))
        if found == newest:
            return upgradecheck.Result(_OK, f"at revision {found}")
        return upgradecheck.Result(
            _FAILURE, f"at revision {found}, this release needs {newest}: "
            "run 'attestation-service-manage db sync'")

    def _signing_keys(self) -> upgradecheck.Result:
        folder = pathlib.Path(self._settings.signing.key_directory)
        return _private(sorted(folder.glob("*.pem")), str(folder))

    def _master_key(self) -> upgradecheck.Result:
        if self._settings.vault.backend != "builtin":
            return upgradecheck.Result(_OK, "kept by the key manager")
        path = pathlib.Path(self._settings.vault.master_key_file)
        return _private([path] if path.exists() else [], str(path))

    _upgrade_checks = (("Database", _database),
                       ("Signing keys", _signing_keys),
                       ("Vault's master key", _master_key))


def _private(paths: list[pathlib.Path], where: str) -> upgradecheck.Result:
    if not paths:
        return upgradecheck.Result(
            _WARNING, f"{where}: not there yet, made at first start")
    try:
        for path in paths:
            private_files.read(path)
    except (private_files.NotPrivate, OSError) as exc:
        return upgradecheck.Result(_FAILURE, str(exc))
    return upgradecheck.Result(_OK, where)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks; 0 all well, 1 warnings, 2 failures."""
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    return upgradecheck.main(
        conf, deploy.PROJECT, Checks(conf),
        argv=sys.argv[1:] if argv is None else list(argv),
        default_config_files=deploy.config_files())


if __name__ == "__main__":
    sys.exit(main())
