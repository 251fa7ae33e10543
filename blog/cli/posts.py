"""The `flask posts` commands: what an author asks for."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from unicodedata import normalize

import click
from flask import current_app
from flask.cli import AppGroup

from blog.cli.checking import check_posts
from blog.posts import Index, Library
from blog.posts.finding import SUFFIXES
from blog.posts.names import MAX_ID_CHARS, slugify
from blog.posts.preview import preview_path, sign_preview
from blog.posts.writing import write_post

MAX_PREVIEW_DAYS = 365
# What file systems take.
MAX_NAME_BYTES = 255
UNSIGNED = """BLOG_SECRET_KEY is not set: nothing can be signed. Make a key once, keep it to
yourself, and give the same one to the running blog and to this command:

  export BLOG_SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_hex(32))')

In the folder of a site a line BLOG_SECRET_KEY=... in the file .env gives it to both."""


class _PostsGroup(AppGroup):
    """Loads the importer when it is asked for: it is no worker's business."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "import"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "import":
            from blog.cli.importer import import_command

            return import_command
        return super().get_command(ctx, cmd_name)


posts_cli = _PostsGroup("posts", help="The posts: write, check, list, preview and import them.")


def _library() -> Library:
    library: Library = current_app.extensions["viblog"].library
    return library


def _pages() -> Library:
    pages: Library = current_app.extensions["viblog"].pages
    return pages


@posts_cli.command("new")
@click.argument("title")
@click.option("--slug", default="", help="The last part of the address; made of the title else.")
@click.option("--publish", is_flag=True, help="No draft: it is there for all as soon as saved.")
def new_post(title: str, slug: str, publish: bool) -> None:
    """Begin a post: write its file, and print where it is."""
    library = _library()
    title = " ".join(title.split())
    # "It's" is its-, not it-s-.
    post_id = slugify(re.sub("['’]", "", slug or title)).lower()
    if not title:
        raise click.ClickException("found an empty title; write one in quotes")
    name = f"{post_id}.md"
    if not post_id or len(post_id) > MAX_ID_CHARS or len(os.fsencode(name)) > MAX_NAME_BYTES:
        raise click.ClickException(
            f"no address of letters or digits can be made of {slug or title!r}, or it is too long "
            "for the name of a file; choose one with --slug hello-world"
        )
    holder = library.index.by_id.get(post_id) or library.index.hidden.get(post_id)
    path = library.folder / name
    places = (library.folder / f"{post_id}{suffix}" for suffix in SUFFIXES)
    broken = [place for place in places if place.exists()]
    if holder is not None or broken:
        taken = holder.path if holder is not None else broken[0]
        raise click.ClickException(f"{taken} has this address already; choose another with --slug")
    fields = {
        "title": title,
        "description": "",
        "date": library.clock().astimezone(library.zone).replace(second=0, microsecond=0),
        "tags": [],
        "draft": not publish,
    }
    library.folder.mkdir(parents=True, exist_ok=True)
    # "x": another one who wrote it meanwhile keeps it.
    with path.open("x", encoding="utf-8") as file:
        file.write(write_post(fields, ""))
    click.echo(path)


@posts_cli.command("check")
def check() -> None:
    """Print what is wrong with posts and pages, and hints.

    Exits with 1 if there is a fault.
    """
    if not check_posts(current_app, _library(), _pages()):
        sys.exit(1)


@posts_cli.command("list")
def list_posts() -> None:
    """Print date, id and title of every post and page.

    The newest post first, hidden ones last, then pages.
    """
    for index, start in ((_library().index, ""), (_pages().index, "/")):
        for line in _describe_texts(index, start):
            click.echo(line)
    if _library().index.faults or _pages().index.faults:
        click.echo("There are faults: the command `check` prints them.", err=True)


def _describe_texts(index: Index, start: str) -> Iterator[str]:
    shown = [(post, "") for post in index.posts]
    shown += [(post, "  (scheduled)") for post in index.scheduled]
    shown += [(post, "  (draft)") for post in index.drafts]
    shown += [(post, "  (expired)") for post in index.expired]
    for post, state in shown:
        day = post.date.date().isoformat() if post.date else "no date   "
        yield f"{day}  {start}{post.id}  {post.title}{state}"


@posts_cli.command("preview")
@click.argument("post_id", metavar="ID")
@click.option(
    "--days",
    default=7,
    show_default=True,
    type=click.IntRange(1, MAX_PREVIEW_DAYS),
    help="How long the link is good for.",
)
def preview(post_id: str, days: int) -> None:
    """Print a link by which a hidden post can be seen.

    It expires. ID, of a post or a page, is as `list` prints it, or a file.
    """
    settings = current_app.extensions["viblog"].settings
    if not settings.secret_key:
        raise click.ClickException(UNSIGNED)
    name = _find_hidden(post_id)
    expires = _library().clock() + timedelta(days=days)
    token = sign_preview(settings.secret_key, name, expires)
    click.echo(settings.site_url.rstrip("/") + preview_path(token))
    if not settings.site_url:
        click.echo("Put the blog's address before it, or set BLOG_SITE_URL.", err=True)


def _find_hidden(name: str) -> str:
    """Find a post or a page by its id, or by its file; return the name to be signed."""
    asked = normalize("NFC", name).removeprefix("/blog/").rstrip("/")
    posts, own_pages = _library().index, _pages().index
    everyone = {f"/{page.id}": page for page in own_pages.all()}
    everyone |= {post.id: post for post in posts.all()}
    by_path = {post.path.resolve(): known for known, post in everyone.items()}
    known = asked if asked in everyone else by_path.get(Path(name).resolve())
    if known is None:
        near = get_close_matches(asked, everyone, n=1)
        meant = f"; do you mean {near[0]}?" if near else "; the command `list` shows every id"
        raise click.ClickException(f"found no post {name!r}{meant}")
    if everyone[known] not in (*posts.hidden.values(), *own_pages.hidden.values()):
        address = known if known.startswith("/") else f"/blog/{known}"
        raise click.ClickException(f"everyone can see {known} already, at {address}")
    return known
