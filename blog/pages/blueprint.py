"""The pages' routes, put together: lists, posts, about, search, feeds, what machines ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import Blueprint, Flask, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from blog.cards import Cards
from blog.config import Settings
from blog.pages.assets import install_assets, send_beside
from blog.pages.cards import add_cards
from blog.pages.catalogue import Catalogues
from blog.pages.crawler_files import add_crawler_files
from blog.pages.feeds import add_feeds
from blog.pages.format import count_posts, write_day, write_day_of_year, write_reading_time
from blog.pages.lists import add_lists
from blog.pages.post import add_posts
from blog.pages.render import LiveNumbers, PageRenderer
from blog.pages.search import add_search
from blog.pages.slugs import write_slug
from blog.posts import Library
from blog.posts.direction import is_right_to_left, needs_direction
from blog.posts.page_names import ABOUT_PAGE
from blog.search import Search

RIGHT_TO_LEFT, LEFT_TO_RIGHT = Markup(' dir="rtl"'), Markup(' dir="ltr"')
AUTO_DIRECTION, NO_DIRECTION = Markup(' dir="auto"'), Markup("")


def create_pages(
    settings: Settings,
    library: Library,
    about: Library,
    live: LiveNumbers,
    search: Search,
    cards: Cards,
) -> Blueprint:
    """Make the blueprint that answers every page a reader can open.

    The app must have the project's `templates/` and `static/` folders. Each request takes the
    library's index once, so that a page is never made of two states of it.
    """
    pages = Blueprint("pages", __name__)
    catalogues = Catalogues(library)
    renderer = PageRenderer(settings, live)
    add_lists(pages, catalogues, renderer)
    add_posts(pages, library, catalogues, renderer, cards)
    add_cards(pages, settings, catalogues, cards)
    add_search(pages, catalogues, search, renderer)
    add_feeds(pages, settings, library, catalogues)
    add_crawler_files(pages, settings, catalogues)

    @pages.get("/about")
    def about_page() -> ResponseReturnValue:
        ordered = sorted(about.index.posts, key=lambda section: str(section.path))
        sections = [
            (section, Markup(about.render(section).html))  # noqa: S704 - the author's own
            for section in ordered
        ]
        path = url_for("pages.about_page")
        return renderer.render("about.html", ABOUT_PAGE, path, title="About", sections=sections)

    @pages.get("/about/<section_id>/<path:name>")
    def about_file(section_id: str, name: str) -> ResponseReturnValue:
        index = about.index
        return send_beside(index, index.by_id.get(section_id), name)

    @pages.get("/blog/", endpoint="index_slash")
    @pages.get("/about/", endpoint="about_page_slash")
    @pages.get("/archive/", endpoint="archive_slash")
    @pages.get("/tags/", endpoint="tags_slash")
    def drop_slash() -> ResponseReturnValue:
        return redirect(request.path.rstrip("/"), 308)

    def write_direction(language: str) -> Markup:
        """Return the attribute of an element in a language; none where nothing runs leftwards."""
        if not language or not needs_direction("", language, settings.language):
            return NO_DIRECTION
        return RIGHT_TO_LEFT if is_right_to_left(language) else LEFT_TO_RIGHT

    def write_auto_direction(text: str, language: str = "") -> Markup:
        """Return the attribute of an element that has a text, amid others in a language."""
        needs = needs_direction(text, language, settings.language)
        return AUTO_DIRECTION if needs else NO_DIRECTION

    filters: dict[str, Callable[..., Any]] = {
        "count_posts": count_posts,
        "day": write_day,
        "day_of_year": write_day_of_year,
        "auto": write_auto_direction,
        "direction": write_direction,
        "reading_time": write_reading_time,
        "reads_class": live.reads_class,
        "slug": write_slug,
    }

    def set_up(state: BlueprintSetupState) -> None:
        state.app.jinja_env.filters.update(filters)
        install_assets(cast(Flask, state.app))

    pages.record_once(set_up)
    return pages
