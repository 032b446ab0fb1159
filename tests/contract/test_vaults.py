# SPDX-License-Identifier: Apache-2.0
"""The contract of ``ports.KeyVault``, and what is special to each."""

from __future__ import annotations

import json
import shutil
import stat
from concurrent import futures

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from attestation_service import private_files
from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import schema
from attestation_service.store.store import SqlStore
from attestation_service.vault import remote
from attestation_service.vault.builtin import BuiltinVault
from attestation_service.vault.master import MasterKeys
from nova_trusted_launch.wire.codes import Code
from tests.contract import backends, samples
from tests.fakes.outside import MemoryVault, SeededRandomness

SECRET = r.KeyMaterial(bytes(range(64)))


@pytest.fixture
def master(tmp_path):
    return MasterKeys(tmp_path / "vault" / "master.key",
                      SeededRandomness("master"))


@pytest.fixture
def builtin(sql, master):
    return BuiltinVault(schema.vault_secrets, sql.joined, master,
                        SeededRandomness("vault"))


@pytest.fixture
def castellan(tmp_path):
    return _castellan(tmp_path)


def _castellan(tmp_path):
    folder = tmp_path / "objects"
    folder.mkdir()
    path = tmp_path / "castellan.conf"
    path.write_text(
        "[key_manager]\nbackend = tests.fakes.key_manager.FileKeyManager\n"
        f"[file_key_manager]\nfolder = {folder}\n")
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[str(path)])
    return remote.from_conf(conf)


@pytest.fixture(params=["memory", "castellan", *backends.ALL])
def vault(request, tmp_path, master):
    if request.param == "memory":
        yield MemoryVault()
    elif request.param == "castellan":
        yield _castellan(tmp_path)
    else:
        with backends.connected(backends.emptied(request)) as sql:
            yield BuiltinVault(schema.vault_secrets, sql.joined, master,
                               SeededRandomness("vault"))


def refuses(vault, reference, context):
    with pytest.raises(errors.Unknown) as refused:
        vault.fetch(reference, context)
    assert refused.value.code is Code.KEY_CORRUPT
    assert "\\x" not in str(refused.value)
    return True


def test_a_secret_comes_back_in_its_context_only(vault):
    reference = vault.put(SECRET, "key/1")
    assert len(reference) <= 255
    assert vault.fetch(reference, "key/1") == SECRET
    assert refuses(vault, reference, "key/2")
    assert refuses(vault, reference, "")
    assert refuses(vault, "nothing", "key/1")


def test_equal_secrets_have_their_own_references(vault):
    first, second = vault.put(SECRET, "key/1"), vault.put(SECRET, "key/1")
    vault.delete(first)
    vault.delete(first)
    vault.delete("nothing")
    assert refuses(vault, first, "key/1")
    assert vault.fetch(second, "key/1") == SECRET


def rows(sql):
    with sql.transaction() as connection:
        return connection.execute(schema.vault_secrets.select()).all()


def test_e7_no_secret_stands_in_the_database_in_the_clear(builtin, sql):
    builtin.put(SECRET, "key/1")
    builtin.put(SECRET, "key/1")
    first, second = rows(sql)
    for row in (first, second):
        assert SECRET.secret not in row.ciphertext
        assert SECRET.secret.hex() not in str(row)
    assert first.nonce != second.nonce
    assert first.ciphertext != second.ciphertext


@pytest.mark.parametrize("column, change", [
    ("ciphertext", lambda old, other: old[:-1] + bytes([old[-1] ^ 1])),
    ("ciphertext", lambda old, other: bytes([old[0] ^ 1]) + old[1:]),
    ("ciphertext", lambda old, other: other.ciphertext),
    ("nonce", lambda old, other: other.nonce)])
def test_a_changed_row_does_not_open(builtin, sql, column, change):
    reference = builtin.put(SECRET, "key/1")
    builtin.put(r.KeyMaterial(b"another secret"), "key/1")
    table = schema.vault_secrets
    row = next(row for row in rows(sql) if row.reference == reference)
    other = next(row for row in rows(sql) if row.reference != reference)
    with sql.transaction() as connection:
        connection.execute(
            table.update().where(table.c.reference == reference).values(
                {column: change(getattr(row, column), other)}))
    assert refuses(builtin, reference, "key/1")


def test_a_row_moved_to_another_reference_does_not_open(builtin, sql):
    reference = builtin.put(SECRET, "key/1")
    with sql.transaction() as connection:
        connection.execute(schema.vault_secrets.update().values(
            reference="builtin/other"))
    assert refuses(builtin, reference, "key/1")
    assert refuses(builtin, "builtin/other", "key/1")


def test_a_secret_put_within_a_unit_goes_with_it(builtin, sql):
    store = SqlStore(sql)
    with pytest.raises(ZeroDivisionError), store.unit():
        undone = builtin.put(SECRET, "key/1")
        assert builtin.fetch(undone, "key/1") == SECRET
        raise ZeroDivisionError
    assert refuses(builtin, undone, "key/1")
    with store.unit() as unit:
        kept = builtin.put(SECRET, "key/1")
        unit.outbox.put(samples.event())
    assert builtin.fetch(kept, "key/1") == SECRET


def test_a_rotation_encrypts_everything_anew(builtin, master, sql):
    old = master.current()[0]
    references = [builtin.put(r.KeyMaterial(bytes([n])), f"key/{n}")
                  for n in range(205)]
    before = {row.ciphertext for row in rows(sql)}
    assert builtin.rotate() == 205
    assert master.versions() == [old + 1]
    assert {row.key_version for row in rows(sql)} == {old + 1}
    assert not before & {row.ciphertext for row in rows(sql)}
    for n, reference in enumerate(references):
        assert builtin.fetch(reference, f"key/{n}").secret == bytes([n])


def test_another_replica_follows_a_rotation(builtin, sql, tmp_path):
    other = BuiltinVault(
        schema.vault_secrets, sql.joined,
        MasterKeys(tmp_path / "vault" / "master.key",
                   SeededRandomness("unused")), SeededRandomness("other"))
    first = other.put(SECRET, "key/1")
    builtin.rotate()
    assert other.fetch(first, "key/1") == SECRET
    second = other.put(SECRET, "key/2")
    assert builtin.fetch(second, "key/2") == SECRET
    assert len({row.key_version for row in rows(sql)}) == 1


def test_an_interrupted_rotation_is_ended_by_the_next(builtin, master):
    reference = builtin.put(SECRET, "key/1")
    master.add()
    later = builtin.put(SECRET, "key/2")
    assert builtin.fetch(reference, "key/1") == SECRET
    assert builtin.rotate() == 2
    assert len(master.versions()) == 1
    assert builtin.fetch(later, "key/2") == SECRET


def test_a_lost_master_key_is_told(builtin, sql, tmp_path):
    reference = builtin.put(SECRET, "key/1")
    shutil.rmtree(tmp_path / "vault")
    other = BuiltinVault(
        schema.vault_secrets, sql.joined,
        MasterKeys(tmp_path / "vault" / "master.key",
                   SeededRandomness("after the loss")),
        SeededRandomness("vault"))
    with pytest.raises(errors.Unknown, match="not in the file"):
        other.fetch(reference, "key/1")


def test_the_master_key_is_private_and_made_once(tmp_path):
    path = tmp_path / "new" / "master.key"
    with futures.ThreadPoolExecutor() as pool:
        made = list(pool.map(
            lambda n: MasterKeys(path, SeededRandomness(str(n))), range(8)))
    assert len({keys.current() for keys in made}) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert made[0].current()[1].hex() not in repr(vars(made[0])["_path"])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_master_key_that_others_can_read_is_refused(master, tmp_path,
                                                      mode):
    path = tmp_path / "vault" / "master.key"
    path.chmod(mode)
    with pytest.raises(private_files.NotPrivate, match="0600"):
        MasterKeys(path, SeededRandomness())


def test_castellans_key_manager_down_is_unavailable(castellan, tmp_path):
    reference = castellan.put(SECRET, "key/1")
    shutil.rmtree(tmp_path / "objects")
    for call in (lambda: castellan.put(SECRET, "key/1"),
                 lambda: castellan.fetch(reference, "key/1"),
                 lambda: castellan.delete(reference)):
        with pytest.raises(errors.Unavailable):
            call()


@pytest.mark.parametrize("content", [
    b"", b"secret", b"[]", json.dumps({"context": "key/1"}).encode(),
    json.dumps({"context": "key/1", "secret": "c2VjcmV0"}).encode()[:-5]])
def test_what_castellans_object_became_is_not_shown(castellan, tmp_path,
                                                    content):
    reference = castellan.put(SECRET, "key/1")
    (path,) = (tmp_path / "objects").iterdir()
    path.write_bytes(content)
    with pytest.raises(errors.Unknown) as refused:
        castellan.fetch(reference, "key/1")
    assert refused.value.code is Code.KEY_CORRUPT
    assert refused.value.__cause__ is None
    assert "c2Vj" not in str(refused.value)


def test_the_vault_has_an_index_over_key_versions(sql):
    indexes = sa.inspect(sql.engine).get_indexes("vault_secrets")
    assert any(i["column_names"] == ["key_version"] for i in indexes)
