"""The `viblog` command: a blog in a folder of one's own."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import click
from flask.cli import ScriptInfo

from blog.config import Settings, SettingsError
from blog.new_site import write_site
from blog.setting_kinds import LANGUAGE
from blog.site_folder import SETTINGS_FILE, engine_folder, find_site
from blog.words import find_catalogue, list_languages, write_catalogue

NO_SITE = (
    f"found no {SETTINGS_FILE} in this folder; go to the folder of your blog, or make one:"
    " viblog new mysite"
)


class _Viblog(click.Group):
    """Loads the commands of an author only when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_author_commands()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        return found or _author_commands().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        # These load the blog; click finds the application by its context.
        if name in _author_commands() and "--help" not in rest:
            _require_site()
            from blog.factory import make_app

            ctx.obj = ScriptInfo(create_app=make_app)
        return name, command, rest


def _author_commands() -> dict[str, click.Command]:
    from blog.cli import desk_cli, doctor, posts_cli, readers_cli, store_cli
    from flask_presence.cli.commands import list_presences, top

    posts = {name: posts_cli.get_command(click.Context(posts_cli), name) for name in POSTS}
    found = {POSTS[name]: command for name, command in posts.items() if command is not None}
    presence = click.Group("presence", [list_presences, top], help="Who is reading.")
    return {
        **found,
        "presence": presence,
        "doctor": doctor,
        "desk": desk_cli,
        "readers": readers_cli,
        "store": store_cli,
    }


# The commands of `flask posts`, and their names here.
POSTS = {"new": "post", "check": "check", "list": "list", "preview": "preview", "import": "import"}


@click.group(cls=_Viblog, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="viblog")
def main() -> None:
    """A blog that knows who is reading it.

    `viblog new mysite` makes one; the other commands are for its folder.
    """


@main.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--title", help="The blog's name; asked for at a terminal, else the folder's.")
@click.option("--language", help="Such as de or pt-BR; asked for at a terminal, else en.")
def new_site(folder: Path, title: str | None, language: str | None) -> None:
    """Make a site folder, with a first post."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.ClickException(f"{folder} is there already, and not empty; choose another name")
    name = folder.resolve().name.replace("-", " ").replace("_", " ").capitalize()
    title = _ask("What is the blog called?", name, str, title)
    language = _ask("In which language is it written?", "en", _read_language, language)
    for path in write_site(folder, title, language):
        click.echo(f"written: {path}")
    if find_catalogue(language) is None:
        click.echo(
            f"\nThe blog's own words are English: it has none in {language}, but in"
            f" {', '.join(list_languages())}. Yours: viblog eject {language}.po"
        )
    click.echo(f"\nNow:\n  cd {shlex.quote(str(folder))}\n  {_own_name()} dev")


def _own_name() -> str:
    """Return how this command is called: `uvx` puts it on no PATH but its own."""
    by_uvx = "UV" in os.environ and os.environ.get("VIRTUAL_ENV") != sys.prefix
    return "uvx viblog" if by_uvx else "viblog"


def _ask(question: str, default: str, read: Callable[[str], str], said: str | None) -> str:
    """Return what an option said; else ask, if there is somebody to answer, or take the default."""
    if said is None and sys.stdin.isatty():
        answer: str = click.prompt(question, default=default, value_proc=read)
        return answer
    try:
        return read(default if said is None else said)
    except click.UsageError as error:
        raise click.ClickException(error.message) from error


def _read_language(text: str) -> str:
    try:
        return str(LANGUAGE.read(text))
    except ValueError as error:
        raise click.UsageError(f"found {text!r}, expected {LANGUAGE.expected}") from error


@main.command("run")
def run() -> None:
    """Serve the blog.

    By gunicorn, with a Valkey of its own if no Redis is named.
    """
    _serve()


@main.command("dev")
def dev() -> None:
    """Serve the blog for its author: open pages follow what is saved."""
    os.environ["BLOG_DEV"] = "1"
    os.environ["WEB_CONCURRENCY"] = "1"
    _serve()


@main.command("eject")
@click.argument("name")
def eject(name: str) -> None:
    """Copy a file of the theme into the site, to be changed.

    NAME, of a template or a static file, is as in the theme: post.html, live/words.html, style.css.
    For nl.po, a language that has no words yet, it makes a catalogue to be filled in.
    """
    site = _require_site()
    if name.endswith(".po"):
        click.echo(begin_catalogue(site, name.removesuffix(".po")).relative_to(site))
        return
    kind = "templates" if name.endswith(".html") else "static"
    folder = engine_folder() / kind
    source = (folder / name).resolve()
    if not source.is_file() or not source.is_relative_to(folder.resolve()):
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
        have = ", ".join(names) if kind == "templates" else "style.css, favicon.svg"
        raise click.ClickException(f"the theme has no {name}; it has {have}")
    target = site / kind / name
    if target.exists():
        raise click.ClickException(f"{target.relative_to(site)} is there already")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    click.echo(target.relative_to(site))


def begin_catalogue(site: Path, language: str) -> Path:
    """Make the catalogue of a language in a site folder, with the words there are of it."""
    try:
        LANGUAGE.read(language)
    except ValueError as error:
        raise click.ClickException(
            f"found {language!r}.po, expected {LANGUAGE.expected}, and .po"
        ) from error
    target = site / "translations" / f"{language}.po"
    if target.exists():
        raise click.ClickException(f"{target.relative_to(site)} is there already")
    target.parent.mkdir(exist_ok=True)
    target.write_text(write_catalogue(language), encoding="utf-8")
    return target


def _require_site() -> Path:
    """Return the site folder that this is; a clone of the engine is one that overrides nothing."""
    here = Path.cwd()
    if find_site(here) is None and here != engine_folder():
        raise click.ClickException(NO_SITE)
    return here


def _serve() -> None:
    _require_site()
    try:
        Settings.from_process()
    except SettingsError as error:
        sys.exit(error.at_exit)
    config = engine_folder() / "gunicorn.conf.py"
    arguments = ["-m", "gunicorn", "--config", str(config), "blog.factory:make_app()"]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    main()
