"""Check that the installed versions of other packages have the private parts used here.

`pyproject.toml` bounds the versions for that reason. If another version is installed all the same,
the check at start finds what is missing, and a plainer way is used.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import FunctionType

__all__ = ["choose_worker", "find_missing"]

OUR_WORKER = "flask_presence.server.worker.Worker"
GUNICORNS_WORKER = "gunicorn.workers.ggevent.GeventWorker"

# By class: the names that must be attributes of it, or be set by one of its methods.
WORKER_NEEDS = {
    "gunicorn.workers.ggevent.GeventWorker": (
        *("run", "handle", "handle_request", "handle_error", "handle_exit"),
        *("server_class", "worker_connections"),
    ),
    "gunicorn.http.message.Request": ("force_close", "unreader", "body"),
    "gunicorn.http.body.Body": ("reader",),
    "gunicorn.http.body.LengthReader": ("length",),
    "gunicorn.http.unreader.Unreader": ("buf",),
    "gunicorn.http.errors.LimitRequestHeaders": (),
    "gevent.server.StreamServer": (
        *("do_read", "do_handle", "max_accept", "stop_accepting"),
        *("_start_accepting_if_started", "_timer", "loop"),
    ),
    "gevent.socket.socket": ("_sock",),
    "_socket.socket": ("_accept",),
}


def find_missing(needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the missing ones of all private parts, such as `gevent.socket.socket._sock`."""
    return [missing for name, attributes in needs.items() for missing in _missing(name, attributes)]


@cache
def choose_worker() -> tuple[str, str]:
    """Return the path of gunicorn's worker class, and one line why it is not ours, or ""."""
    missing = find_missing(WORKER_NEEDS)
    if not missing:
        return OUR_WORKER, ""
    return GUNICORNS_WORKER, (
        f"presence: found no {', '.join(missing)}, so gunicorn's own worker serves: streams take"
        " longer to open, and what one client may hold is not bounded; install the versions of"
        " gunicorn and gevent that flask-presence asks for"
    )


def _missing(name: str, attributes: tuple[str, ...]) -> Iterator[str]:
    module, _, class_name = name.rpartition(".")
    try:
        found = getattr(import_module(module), class_name)
    except (ImportError, AttributeError):
        yield name
        return
    methods = [
        method
        for base in found.__mro__
        for method in vars(base).values()
        if isinstance(method, FunctionType)
    ]
    set_by_it = {
        step.argval
        for method in methods
        for step in dis.get_instructions(method)
        if step.opname == "STORE_ATTR"
    }
    for attribute in attributes:
        if not hasattr(found, attribute) and attribute not in set_by_it:
            yield f"{name}.{attribute}"
