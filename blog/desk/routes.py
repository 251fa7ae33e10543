"""The desk's own pages: signing in and out, and what every page of it answers with."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from gevent import monkey
from werkzeug.exceptions import NotFound, ServiceUnavailable

from blog.config import Settings
from blog.desk.desk import Desk, link_path
from blog.desk.guard import (
    PATH,
    find_pass,
    find_secure_address,
    for_author,
    is_author,
    name_cookie_of_desk,
    needs_secure,
    this_desk,
)
from blog.desk.keys import DeskClosedError
from blog.desk.passes import COOKIE_SECONDS, Pass
from blog.desk.streams import BUSY
from blog.desk.turns import render_in_turns
from blog.ops.headers import write_policy
from blog.pages.assets import SCRIPTS
from blog.pages.blueprint import read_own_form
from blog.pages.render import LiveNumbers, write_htmx_config
from blog.posts.page_names import NOW_PAGE
from blog.store.database import StoreUnavailable
from flask_presence.web.request_signals import is_own

log = logging.getLogger(__name__)

# The dashboard adds its views to it.
desk = Blueprint("desk", __name__)

RETRY_SECONDS = 5
SAFE = ("GET", "HEAD", "OPTIONS")
# The blog's own policy, without the sites that the settings name, and pictures of ours only.
_POLICY = write_policy(Settings()).replace("img-src 'self' https: data:", "img-src 'self'")
# Not `no-referrer`: browsers then say that a form comes from nowhere.
STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


def install_desk(app: Flask, made: Desk, live: LiveNumbers) -> None:
    """Put the desk into an app; before the headers, so that its own are the last word."""
    app.extensions["desk"] = made
    app.register_blueprint(desk)

    def render(template: str, **context: Any) -> str:
        with app.app_context():
            return render_template(template, **context)

    made.streams.render = lambda: render("desk/frame.html", now=live.fragments(NOW_PAGE))
    path = f"{made.settings.base_path}{PATH}/sign-in"
    made.streams.part = lambda: render("desk/parted.html", path=path)


def show(template: str, status: int = 200, **context: Any) -> Response:
    """Answer with a page of the desk: the author's has a stream."""
    settings = this_desk().settings
    if is_author():
        context = {
            "counts_own": not this_desk().own_visits.has(request.environ),
            "stream_url": url_for("desk.live"),
            "htmx_config": write_htmx_config(settings, morphs=True),
            "htmx_scripts": SCRIPTS,
            **context,
        }
    shown = {"is_author": is_author(), "current_path": request.path, **context}
    shown["secure_address"] = find_secure_address()
    return Response(render_in_turns(template, settings=settings, **shown), status)


@desk.before_request
def admit() -> None:
    """Take a form of our own pages only, and a small one."""
    if request.method not in SAFE:
        read_own_form()  # and keep it


@desk.after_app_request
def seal(response: Response) -> Response:
    """Have nobody keep, find or frame what is below the desk's path: what is not there as well."""
    if request.path == PATH or request.path.startswith(f"{PATH}/"):
        if response.mimetype == "text/event-stream":
            return response
        response.headers.update(HEADERS)
        response.headers.pop("ETag", None)
    return response


@desk.errorhandler(DeskClosedError)
def answer_closed(error: DeskClosedError) -> ResponseReturnValue:
    """Answer as if there were no desk; the log has the reason."""
    return current_app.handle_http_exception(NotFound())


@desk.errorhandler(StoreUnavailable)
def answer_unavailable(error: StoreUnavailable) -> ResponseReturnValue:
    """Let nobody in while it cannot be known who may."""
    log.warning("the desk cannot be opened now: %s", error)
    return current_app.handle_http_exception(ServiceUnavailable(retry_after=RETRY_SECONDS))


@desk.get("/desk", strict_slashes=False)
@for_author
def front() -> ResponseReturnValue:
    """Lead the author to the dashboard; it is elsewhere that everybody may see it."""
    return redirect(url_for("desk.readers"))


@desk.get("/desk/sign-in")
def sign_in() -> ResponseReturnValue:
    """Answer with what one has to do to get in."""
    return redirect(url_for("desk.front"), 303) if is_author() else ask()


def ask(problem: str = "", status: int = 200) -> Response:
    """Answer with the page where one signs in; `problem` is why it did not work."""
    made = this_desk()
    _ = made.key  # where there is none, there is no desk
    return show("desk/sign_in.html", status, problem=problem, takes_password=bool(made.passwords))


@desk.post("/desk/sign-in")
def use_password() -> ResponseReturnValue:
    """Sign in by the password."""
    made = this_desk()
    if not made.passwords:
        abort(404)
    if not made.tries.take(request.remote_addr):
        return ask("tries", 429)
    found = made.use_password(request.form.get("password", ""))
    return let_in(found) if found else ask("password", 403)


@desk.get("/desk/link/<token>")
def link(token: str) -> ResponseReturnValue:
    """Answer with the button that uses a link: what mail programs look at uses nothing up."""
    if not this_desk().is_link(token):
        return ask("link", 403)
    return show("desk/link.html", path=request.script_root + link_path(token))


@desk.post("/desk/link/<token>")
def use_link(token: str) -> ResponseReturnValue:
    """Sign in by a link, which is of no use from then on."""
    made = this_desk()
    # Before the store is asked. Not one of all: a link works where others try their passwords.
    if not made.tries.take(request.remote_addr, is_of_all=False):
        return ask("tries", 429)
    found = made.use_link(token)
    return let_in(found) if found else ask("link", 403)


def let_in(found: Pass) -> Response:
    """Give the cookie, and lead to the desk."""
    response = redirect(url_for("desk.front"), 303)
    assert isinstance(response, Response)  # noqa: S101
    _set_cookie(response, this_desk().write_cookie(found), COOKIE_SECONDS)
    return response


@desk.post("/desk/sign-out")
@for_author
def sign_out() -> ResponseReturnValue:
    """End what this browser's cookie opened, here and in every worker."""
    found = find_pass()
    assert found is not None  # noqa: S101 - the guard has looked
    this_desk().sign_out(found)
    response = redirect(url_for("desk.sign_in"), 303)
    _set_cookie(response, "", 0)
    return response


@desk.get("/desk/live")
def live() -> ResponseReturnValue:
    """Open the stream of a page of the author's; any other answer would be shown in the page."""
    made = this_desk()
    body: Iterable[bytes]
    try:
        found = find_pass() if is_own(request.environ) else None
        if found is None:
            body = [made.streams.goodbye]
        elif not monkey.is_module_patched("socket"):
            body = [BUSY]  # a server of threads: each open page would hold one of them for ever
        else:
            body = made.streams.open(found, request.environ)
    except StoreUnavailable:
        body = [BUSY]  # nobody is let in, and nobody parted
    except DeskClosedError:
        body = [made.streams.goodbye]
    return Response(body, headers=STREAM_HEADERS)


@desk.post("/desk/own-visits")
@for_author
def choose_own_visits() -> ResponseReturnValue:
    """Have the visits of this browser counted, or not."""
    response = redirect(url_for("desk.readers"), 303)
    this_desk().own_visits.mark(
        response,
        request.script_root,
        is_marked=request.form.get("count") == "no",
        is_secure=needs_secure(),
    )
    return response


def _set_cookie(response: Any, value: str, seconds: int) -> None:
    response.set_cookie(
        name_cookie_of_desk(),
        value,
        max_age=seconds,
        path=request.script_root + PATH,
        secure=needs_secure(),
        httponly=True,
        samesite="Strict",
    )
