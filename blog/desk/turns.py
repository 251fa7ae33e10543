"""Text that takes long to make, made in slices: between them the event loop serves others."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import gevent
from flask import current_app

SLICE_SECONDS = 0.003


def take_turns(parts: Iterable[str], slice_seconds: float = SLICE_SECONDS) -> Iterator[str]:
    """Yield the parts; after each slice of that length others have their turn."""
    begun = time.perf_counter()
    for part in parts:
        yield part
        if time.perf_counter() - begun > slice_seconds:
            gevent.sleep(0)
            begun = time.perf_counter()


def render_in_turns(template: str, **context: Any) -> str:
    """Render a template of this app like Flask's `render_template`, in slices."""
    app = current_app
    app.update_template_context(context)
    return "".join(take_turns(app.jinja_env.get_template(template).generate(context)))
