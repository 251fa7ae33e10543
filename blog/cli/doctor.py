"""`flask doctor`: the limits of the machine, and the state of everything that the blog needs."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from blog.cli.settings_check import examine_settings
from blog.cli.store_check import examine_place
from blog.config import Settings
from flask_presence.cli.doctor import examine_limits, examine_redis, examine_stream, say_findings


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Look at limits, settings, Redis and a stream.

    One line for each: ok, warn or fail; what was found, and how to mend what is not as expected.
    The stream is opened through BLOG_SITE_URL. Exits with 1 for a failure.
    """
    viblog = current_app.extensions["viblog"]
    settings: Settings = viblog.settings
    place, public = settings.place, settings.site_url
    limits = examine_limits(place, workers=settings.workers)
    checks = {
        "": (*limits, *examine_settings(settings), *examine_place(settings, viblog.database)),
        "Asking Redis": examine_redis(place),
        f"Opening a stream at {public or 'the public address'}": examine_stream(
            public, place, named="BLOG_SITE_URL"
        ),
    }
    if not say_findings(checks):
        sys.exit(1)
