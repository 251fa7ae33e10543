"""A blog below a path of its host, `https://example.org/notes`, as `BLOG_SITE_URL` says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def serve_below(base_path: str, rest: WSGIApplication) -> WSGIApplication:
    """Make what a request asks for a path of the blog, before anything else sees it (PEP 3333).

    Flask puts `SCRIPT_NAME` before each address that it makes. Any other path is answered with 404.
    """
    if not base_path:
        return rest
    elsewhere = f"This blog is at {base_path}/\n".encode()

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != base_path and not path.startswith(f"{base_path}/"):
            headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(elsewhere)))]
            start_response("404 Not Found", headers)
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [elsewhere]
        environ["SCRIPT_NAME"] = base_path
        environ["PATH_INFO"] = path[len(base_path) :] or "/"
        return rest(environ, start_response)

    return serve
