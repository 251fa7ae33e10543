"""The `flask store` commands: back the history up, and look whether it is whole."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from blog.cli.store_check import examine_place, examine_store
from blog.config import Settings
from blog.store.database import Database
from blog.store.place import find_file
from blog.store.upkeep import UpkeepError, back_up, tell_size
from flask_presence.cli.doctor import say_findings

store_cli = AppGroup("store", help="The store of what is counted: back it up, and check it.")


def _database() -> Database:
    database: Database = current_app.extensions["viblog"].database
    return database


@store_cli.command("backup")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
def backup(target: Path) -> None:
    """Copy the store into FILE while the blog runs.

    FILE is whole or not there, and can be read by its owner only. To restore it, stop the blog and
    put it in the place of the store: docs/history.md.
    """
    database = _database()
    path = find_file(database.url)
    if path is None:
        raise click.ClickException(f"the store is {database.place}: use pg_dump")
    try:
        size = back_up(path, target)
    except UpkeepError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"written: {target}, {tell_size(size)}")


@store_cli.command("check")
def check() -> None:
    """Read the whole store; say what is wrong with it, and how far back it goes.

    Exits with 1 for a failure.
    """
    settings: Settings = current_app.extensions["viblog"].settings
    database = _database()
    findings = (*examine_place(settings, database), *examine_store(database, settings.time_zone))
    if not say_findings({"": findings}):
        sys.exit(1)
