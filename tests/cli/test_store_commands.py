"""`viblog store backup` and `check`, `viblog readers export` and `forget`, as they are typed."""

from __future__ import annotations

import csv
import json
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, func, select

from blog.cli.store_check import examine_place, examine_store
from blog.config import Settings
from blog.factory import create_app
from blog.history.counts import SITE, Batch, Counts
from blog.history.spans import Grain
from blog.history.tables import merge
from blog.store import upkeep
from blog.store.database import Database
from blog.store.schema import counts, names
from blog.store.upkeep import UpkeepError, back_up, find_faults, name_network_file_system
from tests.history.times import BERLIN, minute


def batch() -> Batch:
    october, november = date(2026, 10, 20).toordinal(), date(2026, 11, 2).toordinal()
    minutes = {
        (page, minute(when)): Counts(opens=opens, peak=opens, peak_minute=minute(when))
        for when, page, opens in (
            ("2026-10-20 12:00", "blog/a", 1),
            ("2026-11-01 12:00", "blog/b", 2),
            ("2026-11-02 12:00", "blog/b", 4),
            ("2026-11-02 12:00", SITE, 4),
        )
    }
    went = {(october, "index", "blog/a"): 1, (november, "index", "blog/b"): 2}
    came = {(november, "blog/b", "campaign", "=cmd()"): 3}
    return Batch("w", 1, minutes, went, came, {(november, "crawler"): 4})


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """Return an application with a store that something is in."""
    (tmp_path / "posts").mkdir()
    app = create_app(
        Settings(posts_dir=tmp_path / "posts", instance_dir=tmp_path / "instance", time_zone=BERLIN)
    )
    viblog = app.extensions["viblog"]
    viblog.database.write(merge, batch(), BERLIN)
    yield app
    viblog.close()


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments))


def database_of(app: Flask) -> Database:
    database: Database = app.extensions["viblog"].database
    return database


def sums(connection: Connection) -> dict[str, int]:
    asked = select(names.c.name, func.sum(counts.c.opens)).join(
        names, names.c.number == counts.c.page
    )
    asked = asked.where(counts.c.grain == int(Grain.MONTH)).group_by(names.c.name)
    return dict(connection.execute(asked).all())


def test_a_backup_is_whole_its_owners_alone_and_opens_as_a_store(app, tmp_path):
    target = tmp_path / "backup.db"
    for _ in range(2):  # the second replaces the first
        done = run(app, "store", "backup", str(target))
        assert done.output == f"written: {target}, {round(target.stat().st_size / 1000)} kB\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".backup*"))
    with closing(sqlite3.connect(target)) as file:
        assert file.execute("SELECT count(*) FROM counts").fetchone() == (15,)
        assert file.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    restored = Database(f"sqlite:///{target}", tmp_path)
    assert restored.read(sums) == {SITE: 4, "blog/a": 1, "blog/b": 6}
    restored.close()


def test_a_backup_is_of_one_moment_while_others_write(app, tmp_path):
    """A writer adds one to two rows in each transaction: a backup has both, or neither."""
    database, is_over, target = database_of(app), threading.Event(), tmp_path / "backup.db"

    def add() -> None:
        number = 2
        while not is_over.is_set():
            opened = {(page, minute("2026-11-02 12:00")): Counts(opens=1) for page in "xy"}
            database.write(merge, Batch("w", number, opened, {}, {}, {}), BERLIN)
            number += 1

    writer = threading.Thread(target=add)
    writer.start()
    try:
        for _ in range(5):
            back_up(tmp_path / "instance" / "store.db", target)
            copy = Database(f"sqlite:///{target}", tmp_path)
            found = copy.read(sums)
            copy.close()
            assert found.get("x") == found.get("y")
    finally:
        is_over.set()
        writer.join()


def test_a_backup_overwrites_nothing_but_a_backup(app, tmp_path):
    other = tmp_path / "letter.txt"
    other.write_text("Dear reader")
    for target in (other, tmp_path / "instance" / "store.db"):
        done = run(app, "store", "backup", str(target))
        assert done.exit_code == 1
        assert f"{target} is there already, and no backup" in done.output
    assert other.read_text() == "Dear reader"
    nowhere = run(app, "store", "backup", str(tmp_path / "no" / "b.db"))
    assert "No such file or directory" in nowhere.output
    with pytest.raises(UpkeepError, match="nothing was counted yet"):
        back_up(tmp_path / "none.db", tmp_path / "b.db")


def test_a_store_of_postgresql_is_left_to_its_own_program(tmp_path):
    (tmp_path / "posts").mkdir()
    url = "postgresql+psycopg://me:secret@host/blog"
    app = create_app(
        Settings(posts_dir=tmp_path / "posts", instance_dir=tmp_path, database_url=url)
    )
    done = run(app, "store", "backup", str(tmp_path / "b.db"))
    app.extensions["viblog"].close()
    assert done.exit_code == 1
    assert done.output == "Error: the store is PostgreSQL at host/blog: use pg_dump\n"


def test_a_check_says_that_all_is_well_and_how_far_it_goes_back(app, tmp_path):
    done = run(app, "store", "check")
    assert done.exit_code == 0
    assert f"ok    file: {tmp_path / 'instance' / 'store.db'} is whole, " in done.output
    assert "ok    version: 0001, as this program has it" in done.output
    assert "ok    days: 4 rows since 2026-10-20 00:00" in done.output
    assert "ok    minutes: 4 rows since 2026-10-20 12:00" in done.output


def test_a_check_reads_both_kinds_of_stores(database: Database):
    database.write(merge, batch(), BERLIN)
    found = [str(line) for line in examine_store(database, BERLIN)]
    assert found[-1] == "ok    months: 3 rows since 2026-10-01 00:00"
    assert len(found) == 6


def test_a_check_finds_a_file_that_is_broken(app, tmp_path):
    path = tmp_path / "instance" / "store.db"
    app.extensions["viblog"].database.close()  # its log goes into the file
    with path.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 4096)
    done = run(app, "store", "check")
    assert done.exit_code == 1
    assert "fail  file: " in done.output
    assert "put a backup in its place" in done.output


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("1 1 8:1 / / rw - ext4 /dev/sda1 rw", ""),
        ("1 1 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /srv/a\\040b rw - nfs4 nas:/x rw", "nfs4"),
        ("1 1 0:9 / / rw - cifs //nas/x rw\n2 1 8:1 / /srv rw - xfs /dev/sda1 rw", ""),
    ],
)
def test_a_network_file_system_is_recognised(tmp_path, mounts, kind):
    table = tmp_path / "mountinfo"
    table.write_text(mounts)
    assert name_network_file_system(Path("/srv/a b/store.db"), table) == kind


def test_a_doctor_warns_of_a_store_that_hosts_cannot_share(tmp_path, monkeypatch):
    monkeypatch.setattr("blog.cli.store_check.name_network_file_system", lambda path: "nfs4")
    far = Settings(redis_url="redis://redis.internal:6379")
    found = [str(line) for line in examine_place(far, Database("", tmp_path))]
    assert [line.partition(": ")[0] for line in found] == ["warn  store"] * 2
    assert "is on a network file system (nfs4); expected a disk of this machine" in found[0]
    assert "Set BLOG_DATABASE_URL on all hosts" in found[1]
    server = Database("postgresql+psycopg://host/name", tmp_path)
    assert not list(examine_place(far, server))


def test_an_export_has_every_row_in_both_forms(app):
    rows = list(csv.DictReader(run(app, "readers", "export").output.splitlines()))
    assert [(row["start"], row["page"], row["opens"]) for row in rows] == [
        ("2026-10-20T00:00:00+02:00", "blog/a", "1"),
        ("2026-11-01T00:00:00+01:00", "blog/b", "2"),
        ("2026-11-02T00:00:00+01:00", SITE, "4"),
        ("2026-11-02T00:00:00+01:00", "blog/b", "4"),
    ]
    assert rows[0]["peak_at"] == "2026-10-20T12:00:00+02:00"
    lines = run(app, "readers", "export", "paths", "--by", "month", "--format", "json").output
    assert [json.loads(line) for line in lines.splitlines()] == [
        {"start": "2026-10-01T00:00:00+02:00", "page": "index", "next_page": "blog/a", "times": 1},
        {"start": "2026-11-01T00:00:00+01:00", "page": "index", "next_page": "blog/b", "times": 2},
    ]
    sources = run(app, "readers", "export", "sources").output.splitlines()
    assert len(sources) == 3
    assert all(line.endswith(",campaign,'=cmd(),3") for line in sources[1:])
    refused = run(app, "readers", "export", "refused", "--by", "minute")
    assert "refused are kept by day and by month" in refused.output


def test_an_export_of_nothing_has_the_names_of_its_columns(tmp_path):
    (tmp_path / "posts").mkdir()
    settings = Settings(posts_dir=tmp_path / "posts", instance_dir=tmp_path / "instance")
    app = create_app(settings)
    try:
        said = {
            what: run(app, "readers", "export", what).output.splitlines()
            for what in ("counts", "paths", "sources", "refused")
        }
        objects = run(app, "readers", "export", "--format", "json").output
    finally:
        app.extensions["viblog"].close()
    (counted,) = said.pop("counts")
    assert counted.startswith("start,page,opens,entries,open_seconds,")
    assert said == {
        "paths": ["start,page,next_page,times"],
        "sources": ["start,page,kind,name,times"],
        "refused": ["start,kind,times"],
    }
    assert objects == ""


def test_what_is_forgotten_is_in_no_byte_of_the_files(app, tmp_path):
    folder = tmp_path / "instance"
    done = run(app, "readers", "forget", "--before", "2026-11-01", "--yes")
    assert done.output == "forgotten: what was counted before 2026-11-01\n"
    assert database_of(app).read(sums) == {SITE: 4, "blog/b": 6}
    files = [path for path in folder.iterdir() if path.name.startswith("store.db")]
    assert files
    assert not any(b"blog/a" in path.read_bytes() for path in files)


def test_of_a_month_what_is_left_is_added_up_again(app):
    run(app, "readers", "forget", "--before", "2026-11-02", "--yes")
    assert database_of(app).read(sums) == {SITE: 4, "blog/b": 4}
    months = run(app, "readers", "export", "paths", "--by", "month").output
    assert months.splitlines()[1:] == ["2026-11-01T00:00:00+01:00,index,blog/b,2"]


def test_nothing_is_forgotten_unless_it_is_confirmed(app):
    done = app.test_cli_runner().invoke(
        args=["readers", "forget", "--before", "2026-11-02"], input="n\n"
    )
    assert done.exit_code == 1
    assert database_of(app).read(sums) == {SITE: 4, "blog/a": 1, "blog/b": 6}
    assert run(app, "readers", "forget", "--before", "soon", "--yes").exit_code == 2


def test_every_finding_of_a_broken_file_is_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(upkeep, "MOST_FAULTS", 1)
    path = tmp_path / "store.db"
    path.write_bytes(b"no database " * 99)
    assert list(find_faults(path)) == ["file is not a database"]
