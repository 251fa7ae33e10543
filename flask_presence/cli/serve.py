"""The command `flask-presence`: presence beside a site of files, served by gunicorn."""

from __future__ import annotations

import os
import re
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from ..static_site.pages import find_pages

NO_GUNICORN = (
    "gunicorn is not installed, which serves it: pip install 'flask-presence[gunicorn,valkey]'"
)
_PREFIX_FORM = re.compile(r"(/[\w.~-]+)+/?", re.ASCII)
SETTINGS = "python:flask_presence.static_site.gunicorn_settings"
APPLICATION = "flask_presence.static_site.app:create_app()"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flask-presence")
def main() -> None:
    """Presence: who has which page open, live. For a Flask app, see `flask presence`."""


@main.command("serve")
@click.option(
    "--pages",
    required=True,
    help="Which pages there are: a sitemap's address or file, or a pattern such as '/blog/*'.",
)
@click.option("--prefix", default="/presence", show_default=True, help="Where the proxy has it.")
@click.option("--bind", default="127.0.0.1:8900", show_default=True, help="Where to listen.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1))
@click.option("--proxies", default=1, show_default=True, type=click.IntRange(0), help="In front.")
@click.option(
    "--refresh",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1),
    help="How often to read the sitemap, in seconds.",
)
@click.option(
    "--templates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with your here.html or words.html.",
)
def serve(
    pages: str,
    prefix: str,
    bind: str,
    workers: int,
    proxies: int,
    refresh: float,
    templates: Path | None,
) -> None:
    """Serve the numbers of a site of files, behind a proxy that has its path.

    Redis is that of PRESENCE_REDIS_URL, or an embedded Valkey in PRESENCE_INSTANCE_DIR (instance).
    """
    if not _PREFIX_FORM.fullmatch(prefix):
        raise click.ClickException(f"--prefix: found {prefix!r}, expected a path such as /presence")
    try:
        find_pages(pages, refresh_seconds=refresh)
    except ValueError as error:
        raise click.ClickException(f"--pages: {error}") from error
    if find_spec("gunicorn") is None:
        raise click.ClickException(NO_GUNICORN)
    instance = Path(os.environ.get("PRESENCE_INSTANCE_DIR", "instance"))
    os.environ.setdefault("PRESENCE_SECRET_KEY", keep_secret(instance))
    os.environ |= {
        "PRESENCE_PAGES": pages,
        "PRESENCE_URL_PREFIX": prefix.rstrip("/"),
        "PRESENCE_BIND": bind,
        "PRESENCE_WORKERS": str(workers),
        "PRESENCE_PROXIES": str(proxies),
        "PRESENCE_REFRESH_SECONDS": str(refresh),
        "PRESENCE_TEMPLATES": str(templates.resolve()) if templates else "",
    }
    sys.stdout.flush()
    command = [sys.executable, "-m", "gunicorn", "--config", SETTINGS, APPLICATION]
    os.execv(sys.executable, command)


def keep_secret(folder: Path) -> str:
    """Return the secret that signs topics: it is made once and kept, so open pages outlive a
    restart.
    """
    path = folder / "secret"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():  # written whole, or not at all
            new = folder / f"secret.{os.getpid()}"
            new.touch(mode=0o600)
            new.write_text(secrets.token_hex(32), "ascii")
            new.rename(path)
        return path.read_text("ascii").strip()
    except OSError as error:
        raise click.ClickException(
            f"PRESENCE_INSTANCE_DIR: {error}; expected a folder that can be written, or"
            " PRESENCE_SECRET_KEY"
        ) from error


if __name__ == "__main__":
    main()
