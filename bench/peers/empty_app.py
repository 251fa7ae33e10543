"""The yardstick for pages: a Flask view and a WSGI callable that do nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

flask_app = Flask(__name__)


@flask_app.get("/")
def empty() -> str:
    """Answer with an empty page."""
    return ""


def callable_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with an empty page."""
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "0")]
    start_response("200 OK", headers)
    return []
