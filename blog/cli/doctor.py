"""`flask doctor`: what the machine allows, and how what the blog needs is doing."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Look at limits, settings, Redis, and a stream through BLOG_SITE_URL; exit 1 for a failure.

    One line for each: ok, warn or fail; what was found, and how to mend what is not as expected.
    """
    is_failed = False
    for title, findings in current_app.extensions["viblog"].checks():
        if title:
            click.echo(f"      {title}", err=True)
        for finding in findings:
            is_failed |= finding.level.value == "fail"
            click.echo(str(finding))
    if is_failed:
        sys.exit(1)
