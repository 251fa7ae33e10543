"""The `flask desk` commands: how the author gets in, and how everybody is put out."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import AppGroup

from blog.config import Settings
from blog.desk.desk import Desk
from blog.desk.keys import DeskClosedError
from blog.desk.passwords import MAX_CHARS, MIN_CHARS, hash_password
from blog.store.database import StoreUnavailable

desk_cli = AppGroup("desk", help="The author's desk at /desk: sign in, and close it.")


def _desk() -> Desk:
    desk: Desk = current_app.extensions["desk"]
    return desk


@desk_cli.command("link")
def link() -> None:
    """Print a link that signs a browser in: good for ten minutes, and once."""
    settings: Settings = current_app.extensions["viblog"].settings
    try:
        path = _desk().make_link()
    except (DeskClosedError, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from error
    here = f"http://localhost:{settings.port}"
    click.echo((settings.site_url.rstrip("/") or here) + path)
    if not settings.site_url:
        click.echo(f"Is the blog elsewhere? Put its address in place of {here}", err=True)


@desk_cli.command("password")
def password() -> None:
    """Ask for a password, twice, and print the setting by which it opens the desk."""
    if sys.stdin.isatty():
        said = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        said = sys.stdin.read(MAX_CHARS + 2).rstrip("\r\n")
    if not MIN_CHARS <= len(said) <= MAX_CHARS:
        raise click.ClickException(
            f"found {len(said)} characters, expected {MIN_CHARS} to {MAX_CHARS}: anybody may guess"
            " fewer"
        )
    # In quotes: a shell, and a compose file, would take its $ for a variable.
    click.echo(f"BLOG_DESK_PASSWORD_HASH='{hash_password(said)}'")
    click.echo("Give this to the running blog, in .env or its environment.", err=True)


@desk_cli.command("close")
def close() -> None:
    """Sign every browser out, and make every link useless that was not used."""
    try:
        _desk().registry.close_desk()
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from error
    click.echo("The desk is closed for all who were signed in; `desk link` opens it again.")
