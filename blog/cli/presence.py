"""The `flask presence` commands: who is reading what, as Redis knows it. They only look."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup
from redis import RedisError

from blog.config import Settings
from blog.posts.signs import on_one_line
from flask_presence.tracking import Inspector, Presence, SeenWorker, Store, connect, describe_outage
from flask_presence.web.readers import TOPIC

presence_cli = AppGroup("presence", help="Who is reading: look, and change nothing.")

NO_SOCKET = (
    "found no Redis to look into: BLOG_REDIS_URL is not set, and no embedded Valkey is in {folder}."
    " Start the blog, or set BLOG_REDIS_URL or BLOG_INSTANCE_DIR as the running blog has it."
)


@presence_cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
def list_presences(as_json: bool) -> None:
    """Print every open tab: its page, its reader's key, since when, and its worker."""
    try:
        workers = _open_inspector().inspect()
    except (RedisError, OSError, ValueError) as error:
        raise click.ClickException(_describe(error)) from error
    rows = [(worker, presence) for worker in workers for presence in worker.presences]
    rows.sort(key=lambda row: (_page_of(row[1]), row[1].ref))
    if as_json:
        click.echo(json.dumps([_as_object(*row) for row in rows], indent=2, ensure_ascii=False))
        return
    for line in _write_table(rows):
        click.echo(line)
    click.echo(f"{_count(len(rows), 'tab')}, {_count(len(workers), 'worker')}", err=True)


@presence_cli.command("top")
@click.option(
    "--seconds",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 60),
    help="How often to look.",
)
def top(seconds: float) -> None:
    """Show what is read now, the most read first, until q or Ctrl+C.

    Where the output is no terminal, or none that can be written anew, print it once.
    """
    inspector = _open_inspector()
    if not (sys.stdin.isatty() and sys.stdout.isatty() and find_spec("termios")):
        try:
            lines = write_top(inspector, most_pages=None)
        except (RedisError, OSError, ValueError) as error:
            raise click.ClickException(_describe(error)) from error
        click.echo("\n".join(lines))
        return
    from blog.cli.screen import Screen  # not above: without termios, no command would start

    # Started from a script in the background it would be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Screen() as screen, contextlib.suppress(KeyboardInterrupt):
        while True:
            columns, height = shutil.get_terminal_size()
            try:
                lines = write_top(inspector, most_pages=max(1, height - 6))
            except (RedisError, OSError, ValueError) as error:
                lines = [_describe(error), "", "Looking again every few seconds. q ends."]
            screen.show([line[:columns] for line in lines])
            if screen.wait_for_key(seconds) in ("q", "Q", "\x04"):
                return


def write_top(inspector: Inspector, *, most_pages: int | None) -> list[str]:
    """Look, and return what `top` shows: totals, workers, and the pages with the most tabs."""
    workers, replica = inspector.inspect(), inspector.replica
    tabs = replica.counts(TOPIC, "page")
    readers = replica.counts(TOPIC, "page", distinct=True)
    pages = sorted(tabs, key=lambda page: (-tabs[page], str(page)))
    shown = pages[:most_pages]
    parts = [f"{on_one_line(worker.name)} {len(worker.presences)}" for worker in workers]
    lines = [
        f"{_count(replica.count(TOPIC), 'tab')},"
        f" {_count(replica.count(TOPIC, distinct=True), 'reader')} on"
        f" {_count(len(pages), 'page')}, {datetime.now().astimezone():%H:%M:%S}",
        f"{_count(len(workers), 'worker')}: {', '.join(parts) or 'the blog does not run'}",
        "",
        " TABS  READERS  PAGE",
    ]
    lines += [f"{tabs[page]:5}  {readers[page]:7}  {on_one_line(str(page))}" for page in shown]
    if len(shown) < len(pages):
        lines.append(f"                and {len(pages) - len(shown)} more")
    return lines


def _write_table(rows: list[tuple[SeenWorker, Presence]]) -> Iterator[str]:
    width = max([4, *(len(_page_of(presence)) for _, presence in rows)])
    yield f"{'PAGE':{width}}  {'READER':18}  {'SINCE':19}  WORKER"
    for worker, presence in rows:
        since = _write_time(presence.meta.get("joined_at"))
        row = f"{_page_of(presence):{width}}  {presence.key:18}  {since:19}  {worker.name}"
        yield on_one_line(row)


def _write_time(joined_at: object) -> str:
    if not isinstance(joined_at, int):
        return ""
    try:
        return f"{datetime.fromtimestamp(joined_at / 1000).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):  # no time of ours: anybody's number
        return ""


def _as_object(worker: SeenWorker, presence: Presence) -> dict[str, Any]:
    place = {"topic": presence.topic, "key": presence.key, "ref": presence.ref}
    return {**place, "worker": worker.name, "meta": dict(presence.meta)}


def _page_of(presence: Presence) -> str:
    return on_one_line(str(presence.meta.get("page", "?")))


def _open_inspector() -> Inspector:
    settings: Settings = current_app.extensions["viblog"].settings
    url = settings.running_redis_url
    if not url:
        raise click.ClickException(NO_SOCKET.format(folder=settings.instance_dir.resolve()))
    return Inspector(Store(connect(url), settings.redis_prefix), indexes=("page",))


def _describe(error: Exception) -> str:
    where = "BLOG_REDIS_URL names" if current_app.extensions["viblog"].settings.redis_url else ""
    where = where or "the blog keeps in BLOG_INSTANCE_DIR, which is not running now,"
    if isinstance(error, ValueError):
        return f"{error}; is it of another version of the blog?"
    return f"the Redis that {where} {describe_outage(error)}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
