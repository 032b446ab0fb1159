# SPDX-License-Identifier: Apache-2.0
"""The commands of operators, run as they run them."""

from __future__ import annotations

import pathlib
import stat
import subprocess
import sys

import pytest
from oslo_config import cfg

from attestation_service import conf as options
from attestation_service import deploy, wiring
from attestation_service import records as r
from attestation_service.cmd import manage as manage_command
from attestation_service.cmd import status as status_command

CONF = """
[database]
connection = sqlite:///{folder}/service.db
[signing]
key_directory = {folder}/signing
[vault]
master_key_file = {folder}/vault/master.key
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "service.conf"
    path.write_text(CONF.format(folder=tmp_path))
    return path


@pytest.fixture
def run(capfd):
    """Run a command; return its exit code and everything it printed."""
    def run(main, config, *words):
        try:
            code = main(["--config-file", str(config), *words])
        except SystemExit as exc:
            code = exc.code
        return code, "".join(capfd.readouterr())
    return run


@pytest.fixture
def manage(run):
    return lambda config, *words: run(manage_command.main, config, *words)


@pytest.fixture
def status(run):
    return lambda config: run(status_command.main, config, "upgrade",
                              "check")


def test_the_module_is_a_program(config):
    done = subprocess.run(
        [sys.executable, "-m", "attestation_service.cmd.manage",
         "--config-file", str(config), "db", "sync"],
        capture_output=True, text=True, check=True, timeout=120)
    assert "at revision" in done.stdout


def test_db_sync_makes_the_tables(manage, config):
    code, text = manage(config, "db", "version")
    assert (code, "Database: empty" in text) == (0, True)
    for _ in range(2):
        code, text = manage(config, "db", "sync")
        assert (code, "at revision" in text) == (0, True)
    code, text = manage(config, "db", "version")
    assert (code, "empty" in text) == (0, False)


def test_a_database_that_is_down_is_said_in_a_sentence(manage, tmp_path):
    path = tmp_path / "service.conf"
    path.write_text("[database]\nconnection = "
                    "postgresql+psycopg2://x@127.0.0.1:9/x\n")
    code, text = manage(path, "db", "sync")
    assert code == 1
    assert "attestation-service-manage: the database does not" in text


def test_keys_are_listed_and_rotated(manage, config):
    code, before = manage(config, "keys", "list")
    assert code == 0
    code, after = manage(config, "keys", "rotate")
    assert code == 0
    first = [line.split() for line in before.splitlines()]
    second = [line.split() for line in after.splitlines()]
    assert [(use, state) for _, use, state, _ in first] == [
        ("results", "current"), ("policy", "current")]
    assert [(use, state) for _, use, state, _ in second] == [
        ("results", "current"), ("policy", "current"),
        ("results", "verifies"), ("policy", "verifies")]
    assert {line[0] for line in first} == {line[0] for line in second[2:]}
    assert manage(config, "keys", "list") == (0, after)


def settings(config):
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], default_config_files=[str(config)])
    return conf


def test_the_vault_is_rotated_under_a_running_service(manage, config):
    manage(config, "db", "sync")
    conf = settings(config)
    vault = wiring.builtin_vault(conf, wiring.database(conf),
                                 deploy.SystemRandomness())
    reference = vault.put(r.KeyMaterial(b"very secret key material"), "key/1")
    path = pathlib.Path(conf.vault.master_key_file)
    before = path.read_bytes()
    code, text = manage(config, "vault", "rotate")
    assert (code, text.startswith("1 secrets are under")) == (0, True)
    assert path.read_bytes() != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert vault.fetch(reference, "key/1").secret == (
        b"very secret key material")


def test_castellans_secrets_are_not_ours_to_rotate(manage, config):
    config.write_text(config.read_text() + "backend = castellan\n")
    code, text = manage(config, "vault", "rotate")
    assert (code, "key manager" in text) == (1, True)


def test_a_key_that_others_can_read_is_said_in_a_sentence(
        manage, config, tmp_path):
    manage(config, "keys", "list")
    for path in (tmp_path / "signing").glob("*.pem"):
        path.chmod(0o644)
    code, text = manage(config, "keys", "rotate")
    assert (code, "must have mode 0600" in text) == (1, True)


@pytest.mark.parametrize("words", [(), ("db",), ("db", "downgrade"),
                                   ("nonsense",)])
def test_what_is_no_command_prints_the_usage(manage, config, words):
    code, text = manage(config, *words)
    assert (code, "usage: attestation-service-manage" in text) == (2, True)


def test_upgrade_check_tells_what_is_missing(status, manage, config):
    code, text = status(config)
    assert (code, "db sync" in text) == (2, True)
    manage(config, "db", "sync")
    # Keys are made at first start.
    assert status(config)[0] == 1
    manage(config, "keys", "list")
    manage(config, "vault", "rotate")
    code, text = status(config)
    assert (code, text.count("Success")) == (0, 3), text


def test_upgrade_check_refuses_keys_that_others_can_read(
        status, manage, config, tmp_path):
    manage(config, "db", "sync")
    manage(config, "vault", "rotate")
    (tmp_path / "vault" / "master.key").chmod(0o640)
    code, text = status(config)
    assert (code, "0600" in text) == (2, True)


def test_upgrade_check_of_a_database_that_is_down(status, manage, tmp_path):
    path = tmp_path / "service.conf"
    path.write_text("[database]\nconnection = "
                    "postgresql+psycopg2://x@127.0.0.1:9/x\n")
    code, text = status(path)
    assert (code, "does not answer" in text) == (2, True)
