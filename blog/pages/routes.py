"""Put the pages into an app: every route, what templates need, static files."""

from __future__ import annotations

from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue

# They add their routes as they are loaded.
from blog.pages import (  # noqa: F401
    cards,
    crawler_files,
    faces,
    feeds,
    lists,
    now,
    own_pages,
    post,
    previews,
    search,
)
from blog.pages.assets import install_assets
from blog.pages.blueprint import Content, pages
from blog.pages.format import install_filters
from blog.pages.icons import install_icons
from blog.pages.look import install_look
from blog.pages.menu import list_entries
from blog.pages.picture_tags import show_thumbnail
from blog.words import install_words


def install_pages(app: Flask, content: Content) -> None:
    """Answer every page a reader can open; the app has the folders `templates/` and `static/`."""
    app.extensions["pages"] = content
    install_words(app.jinja_env, content.words)
    install_filters(app, content.settings.language, content.words)
    app.jinja_env.filters["reads_class"] = content.live.reads_class
    app.jinja_env.filters["thumbnail"] = show_thumbnail
    app.jinja_env.filters["section_class"] = content.live.section_class
    app.jinja_env.globals["widest"] = content.live.widest
    app.jinja_env.globals["menu"] = lambda: list_entries(content.settings, content.pages.index)
    assets = install_assets(app)
    look = install_look(app, content.settings)
    install_icons(app, assets, content.settings, look.colours["paper"][0])
    app.register_blueprint(pages)


@pages.get("/blog/", endpoint="index_slash")
@pages.get("/archive/", endpoint="archive_slash")
@pages.get("/search/", endpoint="search_slash")
@pages.get("/tags/", endpoint="tags_slash")
def drop_slash() -> ResponseReturnValue:
    """Lead to the address without the slash."""
    return redirect(request.script_root + request.path.rstrip("/"), 308)
