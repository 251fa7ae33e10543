"""`flask presence …`. What a command does is loaded when it runs: each `flask` loads this file."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from ..place import Place

__all__ = ["list_presences", "presence_cli", "top"]

NO_PRESENCE = (
    "found no presence on this app, expected presence.init_app(app); `flask presence init` says how"
)

presence_cli = AppGroup("presence", help="Who has which page open.")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
@with_appcontext
def list_presences(as_json: bool) -> None:
    """Print every open tab.

    Its page, its reader's key, since when, and its worker.
    """
    from .looking import print_list

    print_list(_find_place(), as_json=as_json)


@click.command("top")
@click.option(
    "--seconds",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 60),
    help="How often to look.",
)
@with_appcontext
def top(seconds: float) -> None:
    """Show what is read now, the most read first.

    Until q or Ctrl+C. Where the output is no terminal, or none that can be written anew, print it
    once.
    """
    from .looking import show_top

    show_top(_find_place(), seconds=seconds)


presence_cli.add_command(list_presences)
presence_cli.add_command(top)


@presence_cli.command("doctor")
@click.option("--url", default="", help="The public address: a stream is opened through it.")
def doctor(url: str) -> None:
    """Look at limits, Redis, and a stream through the proxy.

    One line for each: ok, warn or fail; what was found, and how to mend what is not as expected.
    Exits with 1 for a failure.
    """
    from .doctor import examine_limits, examine_redis, examine_stream, say_findings

    place = _find_place()
    checks = {
        "": examine_limits(place),
        "Asking Redis": examine_redis(place),
        f"Opening a stream at {url or 'the public address'}": examine_stream(
            url, place, named="--url"
        ),
    }
    if not say_findings(checks):
        sys.exit(1)


@presence_cli.command("init")
def init() -> None:
    """Write what an app begins with, and say what to add.

    A template with macros, and a gunicorn.conf.py.
    """
    from .starting import write_starter

    templates = Path(current_app.root_path) / (current_app.template_folder or "templates")
    for line in write_starter(templates, Path.cwd()):
        click.echo(line)


def _find_place() -> Place:
    if "presence" not in current_app.extensions:
        raise click.ClickException(NO_PRESENCE)
    place: Place = current_app.extensions["presence"].place
    return place
