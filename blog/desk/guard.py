"""Who may see a page of the desk: put one of the two guards between its route and its view."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blog.cookies import name_cookie
from blog.desk.desk import Desk
from blog.desk.passes import COOKIE, Pass

PATH = "/desk"

View = Callable[..., ResponseReturnValue]


def this_desk() -> Desk:
    """Return the desk of the app of this request."""
    found: Desk = current_app.extensions["desk"]
    return found


def find_pass() -> Pass | None:
    """Return the pass of the author whose browser asks; None for everybody else."""
    if "desk_pass" not in g:
        # All of that name: another name of the domain can set one, too, and it may come first.
        cookies = dict.fromkeys(request.cookies.getlist(name_cookie_of_desk()))
        read = this_desk().read_cookie
        g.desk_pass = next(filter(None, map(read, cookies)), None)
    found: Pass | None = g.desk_pass
    return found


def is_author() -> bool:
    """Tell whether the author asks; to others a public dashboard tells less."""
    return find_pass() is not None


def needs_secure() -> bool:
    """Tell whether cookies of the desk are for https only."""
    return request.is_secure or this_desk().settings.site_url.startswith("https:")


def name_cookie_of_desk() -> str:
    """Return the name of the cookie that a pass is in.

    Never `__Host-`, which would have it sent with every page, and to whatever else is at this host
    where the blog is below a path. What another name sets under this one is not signed.
    """
    return name_cookie(COOKIE, request.script_root + PATH, is_secure=needs_secure())


def find_secure_address() -> str:
    """Return the https address of this page, where the browser would keep no cookie of the desk.

    A browser says `Sec-Fetch-Site` over https only, and on the local host, where it keeps such
    cookies, too; so a proxy that does not tell of https is not taken for http.
    """
    settings = this_desk().settings
    is_kept = request.is_secure or "Sec-Fetch-Site" in request.headers or not needs_secure()
    return "" if is_kept else settings.site_url.rstrip("/") + request.path


def for_author(view: View) -> View:
    """Let the author see a page, and lead everybody else to where one signs in."""

    @wraps(view)
    def guarded(**values: Any) -> ResponseReturnValue:
        return view(**values) if is_author() else _turn_away()

    return guarded


def for_readers(view: View) -> View:
    """Let the author see a page, and everybody in turn where `BLOG_DASHBOARD` is public."""

    @wraps(view)
    def guarded(**values: Any) -> ResponseReturnValue:
        if is_author():
            return view(**values)
        if not this_desk().is_public:
            return _turn_away()
        with this_desk().turn:
            return view(**values)

    return guarded


def _turn_away() -> ResponseReturnValue:
    # A browser keeps the cookie back where a link of another site leads here, a mail's say. Asked
    # for once more by our own page it is sent.
    if request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        return Response(render_template("desk/again.html", settings=this_desk().settings))
    return redirect(url_for("desk.sign_in"), 303)
