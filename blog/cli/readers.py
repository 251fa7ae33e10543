"""The `flask readers` commands: what the blog has counted of its readers."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup

from blog.history.report import Period
from blog.store.database import StoreUnavailable

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
