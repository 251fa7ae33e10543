"""The pages' routes: what each shows, and the address and the stream it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

from flask import Blueprint, Flask, abort, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from blog.config import Settings
from blog.pages.assets import install_assets
from blog.pages.contracts import AboutLike, LibraryLike, LiveNumbers
from blog.pages.htmx import SCRIPTS, stream_url, write_htmx_config
from blog.pages.paging import cut_page
from blog.pages.slugs import read_slug, write_slug
from blog.pages.words import write_day, write_reading_time
from blog.posts.model import Heading, Post, RenderedPost

INDEX_PAGE = "index"
ABOUT_PAGE = "about"

# A table of contents helps from here on; with more than the second number, only top headings.
LEAST_HEADINGS = 3
MANY_HEADINGS = 14


def post_page(post: Post) -> str:
    """Name the page of a post, as presence knows it."""
    return f"blog/{post.id}"


def create_pages(
    settings: Settings, library: LibraryLike, about: AboutLike, live: LiveNumbers
) -> Blueprint:
    """Make the blueprint that answers every page a reader can open.

    The app must have the project's `templates/` and `static/` folders. Each request takes the
    library's index once, so that a page is never made of two states of it.
    """
    pages = Blueprint("pages", __name__)
    htmx_config = write_htmx_config(settings)

    def show(template: str, page: str, path: str, **context: Any) -> str:
        """Render a template for `page` (presence's name); `path` is its one canonical address."""
        return render_template(
            template,
            settings=settings,
            live=live.fragments(page),
            stream_url=stream_url(page),
            htmx_config=htmx_config,
            htmx_scripts=SCRIPTS,
            canonical=settings.site_url.rstrip("/") + path if settings.site_url else "",
            **context,
        )

    @pages.get("/")
    @pages.get("/blog")
    def index() -> ResponseReturnValue:
        shown = cut_page(library.index.posts, request.args.get("page"), settings.posts_per_page)
        if shown is None:
            abort(404)
        at = shown.number
        path = url_for("pages.index", page=at if at > 1 else None)
        title = f"Posts, page {at}" if at > 1 else ""
        return show("index.html", INDEX_PAGE, path, title=title, shown=shown)

    @pages.get("/blog/<path:post_id>")
    def post(post_id: str) -> ResponseReturnValue:
        state = library.index
        found = state.by_id.get(post_id)
        if found is None or found.draft:
            bare_id = post_id.rstrip("/")
            if bare_id != post_id and bare_id in state.by_id:
                return redirect(url_for("pages.post", post_id=bare_id), 308)
            abort(404)
        rendered = library.render(found)
        newer, older = find_neighbours(state.posts, found)
        return show(
            "post.html",
            post_page(found),
            url_for("pages.post", post_id=found.id),
            title=found.title,
            description=found.description,
            post=found,
            body=Markup(rendered.html),  # noqa: S704 - the author's own, and the only one
            contents=choose_contents(rendered),
            newer=newer,
            older=older,
        )

    @pages.get("/tags")
    def tags() -> ResponseReturnValue:
        counts = Counter(tag for post in library.index.posts for tag in post.tags)
        listed = sorted(counts.items(), key=lambda item: item[0].casefold())
        return show("tags.html", INDEX_PAGE, url_for("pages.tags"), title="Tags", listed=listed)

    @pages.get("/tags/<slug>")
    def tag(slug: str) -> ResponseReturnValue:
        name = read_slug(slug)
        posts = [post for post in library.index.posts if name in post.tags]
        if not posts:
            abort(404)
        path = url_for("pages.tag", slug=write_slug(name))
        title = f"Posts about {name}"
        return show("tag.html", INDEX_PAGE, path, title=title, tag=name, posts=posts)

    @pages.get("/about")
    def about_page() -> ResponseReturnValue:
        sections = [
            (section, Markup(about.render(section).html))  # noqa: S704 - the author's own
            for section in sorted(about.index.posts, key=lambda section: str(section.path))
        ]
        path = url_for("pages.about_page")
        return show("about.html", ABOUT_PAGE, path, title="About", sections=sections)

    @pages.get("/blog/", endpoint="index_slash")
    @pages.get("/about/", endpoint="about_page_slash")
    @pages.get("/tags/", endpoint="tags_slash")
    def drop_slash() -> ResponseReturnValue:
        return redirect(request.path.rstrip("/"), 308)

    filters: dict[str, Callable[..., Any]] = {
        "day": write_day,
        "reading_time": write_reading_time,
        "slug": write_slug,
    }

    def set_up(state: BlueprintSetupState) -> None:
        state.app.jinja_env.filters.update(filters)
        install_assets(cast(Flask, state.app))

    pages.record_once(set_up)
    return pages


def find_neighbours(posts: Sequence[Post], post: Post) -> tuple[Post | None, Post | None]:
    """Return the next newer and the next older post; none for a post that is not listed."""
    for at, listed in enumerate(posts):
        if listed is post:
            newer = posts[at - 1] if at else None
            older = posts[at + 1] if at + 1 < len(posts) else None
            return newer, older
    return None, None


def choose_contents(rendered: RenderedPost) -> list[Heading]:
    """Return the headings of the table of contents; none where it would not help."""
    headings = [heading for heading in rendered.headings if heading.level in (2, 3)]
    if len(headings) > MANY_HEADINGS:
        top = min(heading.level for heading in headings)
        headings = [heading for heading in headings if heading.level == top]
    return headings if len(headings) >= LEAST_HEADINGS else []
