"""The store at the start of a blog: migrated once, refused in a line, or not touched."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from blog.store.database import Database
from blog.store.marks import set_mark
from blog.store.place import name_place, read_url
from blog.store.starting import Prepared, prepare_store
from tests.site import Site, SiteError

NEWER = "UPDATE alembic_version SET version_num = '9999'"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an instance folder with a store in it."""
    database = Database("", tmp_path)
    database.write(set_mark, "a", "1")
    database.close()
    return tmp_path


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "store.db")) as file, file:
        file.execute(statement)


def test_nothing_is_started_for_a_store_that_is_as_it_should_be(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere")
    assert prepare_store("", folder) == Prepared()
    assert prepare_store("", folder / "new") == Prepared()
    assert not (folder / "new").exists()


def test_tables_that_are_missing_are_made_and_that_is_said(tmp_path):
    url = f"sqlite:///{tmp_path / 'a' / 'store.db'}"
    said = f"{tmp_path / 'a' / 'store.db'}: its tables were made at version 0001"
    assert prepare_store(url, tmp_path) == Prepared(said)
    assert prepare_store(url, tmp_path) == Prepared()


def test_a_newer_schema_stops_the_start(folder):
    change(folder, NEWER)
    with pytest.raises(SiteError) as told, Site(environ={"BLOG_INSTANCE_DIR": str(folder)}):
        pass
    said = str(told.value).rpartition("The blog cannot start:\n")[2].splitlines()[0]
    assert said == (
        f"BLOG_DATABASE_URL: {folder / 'store.db'}: found a schema of version 9999, expected 0001"
        " or older: a newer viblog made it; install that again, or name another store in"
        " BLOG_DATABASE_URL"
    )


def test_an_address_that_cannot_be_used_stops_the_start_without_its_password(tmp_path):
    prepared = prepare_store("postgresql+psycopg://me:hidden@127.0.0.1:1/blog", tmp_path)
    assert not prepared.can_start
    assert prepared.said.startswith("PostgreSQL at 127.0.0.1:1/blog: ")
    assert "Connection refused" in prepared.said
    assert "hidden" not in prepared.said


def test_a_file_that_nobody_named_and_cannot_be_used_costs_the_history_only(tmp_path):
    (tmp_path / "store.db").write_bytes(b"no database " * 99)
    prepared = prepare_store("", tmp_path)
    assert prepared.can_start
    assert not prepared.is_well
    assert "file is not a database" in prepared.said


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", ""),
        ("sqlite:////var/a.db", "sqlite:////var/a.db"),
        ("postgres://u:p@h/n", "postgresql+psycopg://u:p@h/n"),
        ("postgresql://u@h/n?sslmode=require", "postgresql+psycopg://u@h/n?sslmode=require"),
        ("postgresql+psycopg://h/n", "postgresql+psycopg://h/n"),
    ],
)
def test_the_forms_of_an_address(text, url):
    assert read_url(text) == url


@pytest.mark.parametrize(
    "text", ["sqlite://", "mysql://h/n", "/a.db", "postgresql://", "sqlite:///"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r"^$"):
        read_url(text)


def test_a_message_has_neither_user_nor_password_of_an_address():
    url = "postgresql+psycopg://me:se@cret@host:5433/blog?password=x"
    assert name_place(url) == "PostgreSQL at host:5433/blog"
    assert name_place(f"sqlite:///{os.sep}a.db") == "/a.db"
