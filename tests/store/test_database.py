"""The store on both databases: transactions, its schema, and what is said where it is unusable."""

from __future__ import annotations

import logging
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, inspect, text

from blog.store import versions
from blog.store.database import Database, SchemaRefused, StoreUnavailable
from blog.store.engines import read_version
from blog.store.marks import claim, forget_expired, get_mark, set_mark
from blog.store.migrating import migrate
from blog.store.schema import metadata, version
from tests.site import ROOT


def test_a_transaction_is_kept_whole_or_not_at_all(database: Database):
    def fail(connection: Connection) -> None:
        set_mark(connection, "a", "2")
        raise LookupError

    database.write(set_mark, "a", "1")
    with pytest.raises(LookupError):
        database.write(fail)
    assert database.read(get_mark, "a") == "1"
    assert database.read(get_mark, "b") is None


def test_who_only_reads_changes_nothing(database: Database):
    database.write(set_mark, "a", "1")
    with pytest.raises(StoreUnavailable, match=r"read.?only"):
        database.read(set_mark, "a", "2")


def test_of_all_who_claim_a_name_one_gets_it(store_url: str, tmp_path: Path):
    """Eight workers at once, on a schema that none has made yet."""
    won: list[bool] = []

    def try_it() -> None:
        worker = Database(store_url, tmp_path)
        won.append(worker.write(claim, "link", 2_000_000_000))
        worker.close()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_a_claim_is_forgotten_when_it_expires(database: Database):
    database.write(claim, "link", 1_000)
    database.write(forget_expired, 999)
    assert not database.write(claim, "link", 1_000)
    database.write(forget_expired, 1_001)
    assert database.write(claim, "link", 2_000)


def test_the_schema_is_made_once_and_says_so(database: Database, caplog):
    with caplog.at_level(logging.INFO):
        assert database.read(get_mark, "a") is None
        database.write(set_mark, "a", "1")
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].endswith("its tables were made at version 0001")


def describe(connection: Connection) -> list[str]:
    """Return all that the database says of its tables."""
    found = inspect(connection)
    return [
        f"{table}: {said}"
        for table in sorted(found.get_table_names())
        for said in (
            found.get_columns(table),
            found.get_pk_constraint(table),
            found.get_unique_constraints(table),
            found.get_indexes(table),
        )
    ]


def test_the_migrations_end_with_the_tables_that_a_new_store_gets(
    database: Database,
):
    def build(connection: Connection) -> list[str]:
        for made in (metadata, version.metadata):
            made.drop_all(connection)
        migrate(connection)
        assert list(compare_metadata(MigrationContext.configure(connection), metadata)) == []
        return describe(connection)

    database.prepare()
    assert database.read(describe) == database.write(build)
    assert database.read(read_version) == versions.NEWEST


def test_every_migration_has_its_number_among_the_versions():
    scripts = ScriptDirectory(str(ROOT / "blog" / "store" / "migrations"))
    made = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(made)) == versions.VERSIONS


def test_a_schema_of_a_newer_version_is_refused_and_left_alone(database: Database):
    def renumber(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    database.write(renumber)
    for call in (database.read, database.write):
        with pytest.raises(SchemaRefused, match="found a schema of version 9999, expected 0001"):
            call(get_mark, "a")


def test_an_older_schema_is_migrated_by_the_first_who_comes(
    database: Database, monkeypatch, tmp_path: Path, caplog
):
    """The package with one migration more, as the next version will have it."""
    database.write(set_mark, "a", "kept")
    newer = tmp_path / "migrations"
    (newer / "versions").mkdir(parents=True)
    here = ROOT / "blog" / "store" / "migrations"
    for path in (here / "env.py", here / "versions" / "v0001.py"):
        (newer / path.relative_to(here)).write_text(path.read_text())
    (newer / "versions" / "v0002.py").write_text(
        "from alembic import op\nrevision, down_revision = '0002', '0001'\n"
        "def upgrade():\n    op.execute('CREATE TABLE faces (number INTEGER)')\n"
    )
    monkeypatch.setattr("blog.store.migrating.MIGRATIONS", newer)
    monkeypatch.setattr(versions, "VERSIONS", ("0001", "0002"))
    for module in ("database", "migrating"):
        monkeypatch.setattr(f"blog.store.{module}.NEWEST", "0002")
    with caplog.at_level(logging.INFO):
        assert database.read(get_mark, "a") == "kept"
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        f"{database.place}: its tables were migrated from version 0001 to version 0002"
    ]
    assert database.read(lambda c: c.execute(text("SELECT count(*) FROM faces")).scalar()) == 0


def test_a_file_is_its_owners_alone_and_one_that_is_gone_is_made_again(tmp_path: Path):
    database = Database("", tmp_path / "instance")
    database.write(set_mark, "a", "1")
    path = tmp_path / "instance" / "store.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    assert database.read(get_mark, "a") is None
    database.write(set_mark, "a", "2")
    assert database.read(get_mark, "a") == "2"


def test_a_file_stays_open_until_another_is_in_its_place(tmp_path: Path):
    database = Database("", tmp_path)
    database.write(set_mark, "a", "1")
    opened: list[object] = []
    assert database._writer._engine is not None
    event.listen(database._writer._engine, "connect", lambda file, record: opened.append(file))
    database.write(set_mark, "a", "2")
    assert opened == []
    other = Database("", tmp_path / "other")
    other.write(set_mark, "a", "restored")
    other.close()
    (tmp_path / "other" / "store.db").replace(tmp_path / "store.db")
    for name in ("store.db-wal", "store.db-shm"):  # as docs/history.md says
        (tmp_path / name).unlink()
    assert database.read(get_mark, "a") == "restored"
    database.write(set_mark, "a", "3")
    assert len(opened) == 1
    database.close()


def no_database(path: Path) -> str:
    path.write_bytes(b"what somebody put here " * 100)
    return "file is not a database"


def folder(path: Path) -> str:
    path.mkdir()
    return "unable to open database file"


def locked(path: Path) -> str:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    HELD.append(holder)
    return "database is locked"


HELD: list[sqlite3.Connection] = []


@pytest.mark.parametrize("spoil", [no_database, folder, locked])
def test_a_file_that_cannot_be_used_is_told_in_a_line(tmp_path: Path, spoil):
    path = tmp_path / "store.db"
    reason = spoil(path)
    database = Database("", tmp_path, wait_seconds=0.05)
    with pytest.raises(StoreUnavailable) as told:
        database.write(set_mark, "a", "1")
    assert str(told.value).startswith(f"{path}: ")
    assert reason in str(told.value)
    assert "\n" not in str(told.value)
    while HELD:
        HELD.pop().close()


@pytest.mark.full
def test_an_address_of_postgresql_that_cannot_be_used_is_told_without_its_password(
    running_postgres,
):
    good = running_postgres.make_database()
    for url, reason in (
        (good.replace("secret", "wrong"), "password authentication failed"),
        (good + "_not", "does not exist"),
        (good.replace(str(running_postgres.port), "1"), "Connection refused"),
    ):
        database = Database(url, Path())
        with pytest.raises(StoreUnavailable) as told:
            database.prepare()
        database.close()
        said = str(told.value)
        assert said.startswith("PostgreSQL at 127.0.0.1:")
        assert reason in said
        assert not {"secret", "wrong", "\n"} & set(said.replace("%20", " ").split(" "))


def test_without_its_driver_a_server_is_refused_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        StoreUnavailable, match=r"PostgreSQL at host/n: .*install viblog\[postgres\]"
    ):
        Database("postgresql+psycopg://host/n", tmp_path).prepare()


@pytest.mark.full
def test_a_server_that_restarts_is_found_again(running_postgres, tmp_path: Path):
    database = Database(running_postgres.make_database(), tmp_path)
    database.write(set_mark, "a", "1")
    running_postgres.stop()
    with pytest.raises(StoreUnavailable):
        database.read(get_mark, "a")
    running_postgres.start()
    assert database.read(get_mark, "a") == "1"
    database.close()


BESIDE_GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sys, gevent
from pathlib import Path
from blog.store.database import Database
assert not any(name.startswith(("sqlalchemy", "alembic", "psycopg")) for name in sys.modules)
database, turns, is_done = Database(sys.argv[1], Path()), [], []

def mark(connection, name):
    from blog.store.marks import set_mark
    set_mark(connection, name, "1")

def write(number):
    database.write(mark, f"n{number}")
    is_done.append(number)

def turn():
    while len(is_done) < 8:
        gevent.sleep(0.001)
        turns.append(len(is_done))

gevent.joinall([gevent.spawn(turn), *(gevent.spawn(write, n) for n in range(8))], raise_error=True)
from blog.store.marks import get_mark
assert all(database.read(get_mark, f"n{number}") == "1" for number in range(8))
database.close()
print(turns.count(0))
"""


def test_the_loop_goes_on_while_the_store_is_loaded_and_written(store_url: str):
    """Loading SQLAlchemy and making the tables take 0.4 s: time for many turns of the loop."""
    command = [sys.executable, "-c", BESIDE_GREENLETS, store_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr
    assert int(done.stdout) > 10
