"""The `flask readers` commands: what the blog has counted of its readers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from flask import current_app
from flask.cli import AppGroup

from blog.config import Settings
from blog.history.counts import Counts
from blog.history.report import Period
from blog.history.spans import Grain
from blog.store.database import Database, StoreUnavailable
from blog.store.place import find_file
from blog.store.upkeep import empty_log

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from blog.history.exporting import Exported

GRAINS = {grain.name.lower().replace("_", "-"): grain for grain in Grain}

readers_cli = AppGroup("readers", help="What was counted of the blog's readers.")


@readers_cli.command("week")
def week() -> None:
    """Print what was read in the seven days before today: a text for a mail.

    Have cron send it each Monday at six: 0 6 * * 1 cd mysite && viblog readers week
    """
    from blog.desk.dashboard import name_page, this_dashboard
    from blog.desk.week import sum_up, write_week

    try:
        month = this_dashboard().reports.read(Period.MONTH)
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from error
    click.echo(write_week(current_app, sum_up(month, name_page)), nl=False)


@readers_cli.command("export")
@click.argument(
    "what", type=click.Choice(["counts", "paths", "sources", "refused"]), default="counts"
)
@click.option("--by", type=click.Choice([*GRAINS]), default="day", help="How long a span is.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv")
def export(what: str, by: str, form: str) -> None:
    """Print everything that is kept: as CSV, or as JSON with an object in each line.

    WHAT is counts (of each page, and of the whole site, whose page is "*"), or paths, sources or
    refused, which are kept by day and by month.
    """
    grain = GRAINS[by]
    if what != "counts" and grain not in (Grain.DAY, Grain.MONTH):
        raise click.ClickException(f"found --by {by}; {what} are kept by day and by month")
    database, settings = _store()

    def write_all(connection: Connection) -> None:
        from blog.history.exporting import list_counts, list_times

        if what == "counts":
            rows = list_counts(connection, grain, settings.time_zone)
        else:
            rows = list_times(connection, what, grain, settings.time_zone)
        if form == "csv":
            _write_csv(what, rows)
        else:
            _write_json(rows)

    try:
        database.read(write_all)
    except BrokenPipeError:  # who reads it has had enough
        sys.stderr.close()
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from error


@readers_cli.command("forget")
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="A day such as 2026-01-31, in the blog's time zone; what was counted on it is kept.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(before: datetime, yes: bool) -> None:
    """Delete all that was counted before a day, for good. Backups have it still."""
    database, settings = _store()
    if not yes:
        click.confirm(f"Delete what was counted before {before:%Y-%m-%d}?", abort=True)

    def forget_it(connection: Connection) -> None:
        from blog.history.forgetting import forget

        forget(connection, before.toordinal(), settings.time_zone)

    try:
        database.write(forget_it)
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from error
    if path := find_file(database.url):
        empty_log(path)
    click.echo(f"forgotten: what was counted before {before:%Y-%m-%d}")


def _store() -> tuple[Database, Settings]:
    viblog = current_app.extensions["viblog"]
    return viblog.database, viblog.settings


def _describe(row: Exported) -> dict[str, Any]:
    from blog.desk.export import describe_counts

    counted = row.counted
    numbers = (
        describe_counts(counted, row.start) if isinstance(counted, Counts) else {"times": counted}
    )
    return {"start": row.start.isoformat(), **row.about, **numbers}


def _write_csv(what: str, rows: Iterator[Exported]) -> None:
    from blog.desk.export import COUNTS, write_line
    from blog.history.exporting import list_columns

    numbers = COUNTS if what == "counts" else ["times"]
    click.echo(write_line(["start", *list_columns(what), *numbers]), nl=False)
    for row in map(_describe, rows):
        click.echo(write_line(row.values()), nl=False)


def _write_json(rows: Iterator[Exported]) -> None:
    for row in map(_describe, rows):
        click.echo(json.dumps(row, ensure_ascii=False))
