"""`flask presence list` and `top`: who has what open, as Redis knows it. They only look."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from typing import Any

import click
from redis import RedisError

from ..place import Place
from ..tracking import (
    Inspector,
    Presence,
    SeenWorker,
    Store,
    connect,
    describe_outage,
    read_arrival,
)
from ..web.readers import TOPIC

MOST_CHARACTERS = 120  # of a name

FAULTS = (RedisError, OSError, ValueError)

NO_SOCKET = (
    "found no Redis to look into: {variables}REDIS_URL is not set, and no embedded Valkey is in"
    " {folder}. Start {program}, or set {variables}REDIS_URL or {variables}INSTANCE_DIR as it has"
    " it, where it runs."
)
# Characters that end a line, control a terminal or change the direction of text, and lone
# surrogates: whoever may write in Redis wrote them.
_UNRULY = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def print_list(place: Place, *, as_json: bool) -> None:
    """Print every open tab. Raises `click.ClickException` where Redis cannot be asked."""
    try:
        workers = _open_inspector(place).inspect()
    except FAULTS as error:
        raise click.ClickException(_describe(place, error)) from error
    rows = [(worker, presence) for worker in workers for presence in worker.presences]
    rows.sort(key=lambda row: (_page_of(row[1]), row[1].ref))
    if as_json:
        click.echo(json.dumps([_as_object(*row) for row in rows], indent=2))
        return
    for line in _write_table(rows):
        click.echo(line)
    click.echo(f"{_count(len(rows), 'tab')}, {_count(len(workers), 'worker')}", err=True)


def show_top(place: Place, *, seconds: float) -> None:
    """Show what is read now, every so many seconds, or once where nobody looks."""
    inspector = _open_inspector(place)
    if not (sys.stdin.isatty() and sys.stdout.isatty() and find_spec("termios")):
        try:
            lines = write_top(inspector, most_pages=None)
        except FAULTS as error:
            raise click.ClickException(_describe(place, error)) from error
        click.echo("\n".join(lines))
        return
    from .screen import Screen  # not above: there may be no termios

    # Started from a script in the background it would be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Screen() as screen, contextlib.suppress(KeyboardInterrupt):
        while True:
            columns, height = shutil.get_terminal_size()
            try:
                lines = write_top(inspector, most_pages=max(1, height - 6))
            except FAULTS as error:
                lines = [_describe(place, error), "", "Looking again every few seconds. q ends."]
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
    parts = [f"{_on_one_line(worker.name)} {len(worker.presences)}" for worker in workers]
    lines = [
        f"{_count(replica.count(TOPIC), 'tab')},"
        f" {_count(replica.count(TOPIC, distinct=True), 'reader')} on"
        f" {_count(len(pages), 'page')}, {datetime.now().astimezone():%H:%M:%S}",
        f"{_count(len(workers), 'worker')}: {', '.join(parts) or 'nothing runs'}",
        "",
        " TABS  READERS  PAGE",
    ]
    lines += [f"{tabs[page]:5}  {readers[page]:7}  {_on_one_line(str(page))}" for page in shown]
    if len(shown) < len(pages):
        lines.append(f"                and {len(pages) - len(shown)} more")
    return lines


def _write_table(rows: list[tuple[SeenWorker, Presence]]) -> Iterator[str]:
    width = max([4, *(len(_page_of(presence)) for _, presence in rows)])
    yield f"{'PAGE':{width}}  {'READER':18}  {'SINCE':19}  WORKER"
    for worker, presence in rows:
        since = _write_time(read_arrival(presence.meta, -1))
        key, name = _on_one_line(presence.key), _on_one_line(worker.name)
        yield f"{_page_of(presence):{width}}  {key:18}  {since:19}  {name}"


def _write_time(joined_at: int) -> str:
    if joined_at < 0:
        return ""
    try:
        return f"{datetime.fromtimestamp(joined_at / 1000).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):  # no time of ours: anybody's number
        return ""


def _as_object(worker: SeenWorker, presence: Presence) -> dict[str, Any]:
    place = {"topic": presence.topic, "key": presence.key, "ref": presence.ref}
    return {**place, "worker": worker.name, "meta": dict(presence.meta)}


def _page_of(presence: Presence) -> str:
    return _on_one_line(str(presence.meta.get("page", "?")))


def _on_one_line(text: str) -> str:
    return _UNRULY.sub(" ", text[:MOST_CHARACTERS])


def _open_inspector(place: Place) -> Inspector:
    url = place.running_url
    if not url:
        words = {"variables": place.variables, "program": place.program}
        folder = place.instance_dir.resolve()
        raise click.ClickException(NO_SOCKET.format(folder=folder, **words))
    return Inspector(Store(connect(url), place.redis_prefix), indexes=("page",))


def _describe(place: Place, error: Exception) -> str:
    if isinstance(error, ValueError):
        return f"{error}; is it of another version of {place.program}?"
    where = f"{place.variables}REDIS_URL names"
    if not place.redis_url:
        where = f"{place.program} keeps in {place.variables}INSTANCE_DIR, which is not running now,"
    return f"the Redis that {where} {describe_outage(error)}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
