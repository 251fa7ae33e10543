"""Applications at paths of their own, all in one process: `gunicorn tests.web.mounted:site`."""

from __future__ import annotations

from flask import Blueprint, Flask, render_template_string
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_presence import Presence

PAGE = "<p>{{ presence.counter('doc') }}, {{ presence.total() }}</p>{{ presence.script() }}"

pages = Blueprint("pages", __name__)


@pages.get("/doc")
def show() -> str:
    """Show the one page that each of them has."""
    return render_template_string(PAGE)


def create_app(name: str, *, prefix: str = "", proxy: str = "", **config: str) -> Flask:
    """Make an application, whose `ProxyFix` is put there `before` or `after` its presence."""
    app = Flask(name)
    app.config.update({"SECRET_KEY": name * 32, "PRESENCE_REDIS_PREFIX": name, **config})
    presence = Presence()
    if proxy == "before":
        app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    presence.init_app(app)
    if proxy == "after":
        app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    app.register_blueprint(pages, url_prefix=prefix or None)
    return app


first = create_app("first", prefix="/notes", PRESENCE_URL_PREFIX="/notes")
site = DispatcherMiddleware(
    first,
    {
        "/mounted": create_app("mounted"),
        "/inner": create_app("inner", proxy="before"),
        "/outer": create_app("outer", proxy="after"),
    },
)
