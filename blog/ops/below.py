"""A blog below a path of its host, `https://example.org/notes`, as `BLOG_SITE_URL` says.

Only two places know of it: what a request asks for is made a path of the blog before anything else
sees it, and Flask is told what to put before each address that it makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def serve_below(base_path: str, rest: WSGIApplication) -> WSGIApplication:
    """Take the path that the blog is below away; what is not below it is not here."""
    if not base_path:
        return rest
    elsewhere = f"This blog is at {base_path}/\n".encode()

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != base_path and not path.startswith(f"{base_path}/"):
            headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(elsewhere)))]
            start_response("404 Not Found", headers)
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [elsewhere]
        environ["PATH_INFO"] = path[len(base_path) :] or "/"
        return rest(environ, start_response)

    return serve


def tell_base(base_path: str, flask_app: WSGIApplication) -> WSGIApplication:
    """Have Flask put the path before each address that it makes."""
    if not base_path:
        return flask_app

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["SCRIPT_NAME"] = base_path
        return flask_app(environ, start_response)

    return serve
