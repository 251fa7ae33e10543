"""Put the pages into an app: every route, what templates need, static files; and the about page."""

from __future__ import annotations

from flask import Flask, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

# They add their routes as they are loaded.
from blog.pages import (  # noqa: F401
    cards,
    crawler_files,
    feeds,
    lists,
    now,
    post,
    previews,
    search,
)
from blog.pages.assets import install_assets, send_beside
from blog.pages.blueprint import Content, content, pages
from blog.pages.format import install_filters
from blog.posts.page_names import ABOUT_PAGE
from blog.words import install_words


def install_pages(app: Flask, content: Content) -> None:
    """Answer every page a reader can open; the app has the folders `templates/` and `static/`."""
    app.extensions["pages"] = content
    install_words(app.jinja_env, content.words)
    install_filters(app, content.settings.language, content.words)
    app.jinja_env.filters["reads_class"] = content.live.reads_class
    install_assets(app)
    app.register_blueprint(pages)


@pages.get("/about")
def about_page() -> ResponseReturnValue:
    """Answer with the about page."""
    about = content().about
    ordered = sorted(about.index.posts, key=lambda section: str(section.path))
    sections = [
        (section, Markup(about.render(section).html))  # noqa: S704 - the author's own
        for section in ordered
    ]
    path, title = url_for("pages.about_page"), content().words.gettext("About")
    return content().renderer.render("about.html", ABOUT_PAGE, path, title=title, sections=sections)


@pages.get("/about/<section_id>/<path:name>")
def about_file(section_id: str, name: str) -> ResponseReturnValue:
    """Answer with a file beside a section of the about page."""
    index = content().about.index
    return send_beside(index, index.by_id.get(section_id), name)


@pages.get("/blog/", endpoint="index_slash")
@pages.get("/about/", endpoint="about_page_slash")
@pages.get("/archive/", endpoint="archive_slash")
@pages.get("/search/", endpoint="search_slash")
@pages.get("/tags/", endpoint="tags_slash")
def drop_slash() -> ResponseReturnValue:
    """Lead to the address without the slash."""
    return redirect(request.script_root + request.path.rstrip("/"), 308)
