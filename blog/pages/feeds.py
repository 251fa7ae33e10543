"""The feeds: of all posts and of each tag, in three formats, with the posts' whole text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from unicodedata import normalize

from flask import Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from blog.config import Settings
from blog.pages.absolute import make_absolute
from blog.pages.blueprint import content, pages
from blog.pages.cache.page_cache import answer_file
from blog.pages.feed_formats import Channel, Entry, write_atom, write_json_feed, write_rss
from blog.pages.format import read_slug, write_slug
from blog.pages.linked_data import find_image
from blog.pages.picture_tags import add_copies
from blog.posts.direction import is_right_to_left
from blog.posts.model import Post
from blog.posts.names import slugify
from flask_presence.streams.turns import wait_a_round

# Feeds hold absolute addresses, and the Host header is chosen by the client.
NO_ADDRESS = (
    "There are no feeds and no sitemap, because this blog does not know its own address.\n"
    "Its operator can tell it: BLOG_SITE_URL=https://blog.example\n"
)


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of feed: how its address ends, its media type, and what writes it."""

    ending: str
    mimetype: str
    write: Callable[[Channel, Sequence[Entry]], bytes]


# Where others have their feeds, below whatever folder: Jekyll's feed.xml, Hugo's index.xml,
# Octopress's and Hexo's atom.xml, Pelican's feeds/all.atom.xml, WordPress's feed/, Ghost's rss/.
_OLD_FEED = re.compile(
    r"(?:/.*)?/(?:(?:[^/.]+\.)?(?P<atom>atom|feed)\.xml|(?:[^/.]+\.)?(?:rss2?|index)\.xml|feed|rss)/?"
)
# Of one tag or category: in a folder of its own, or Pelican's feeds/news.atom.xml.
_OLD_GROUP = re.compile(
    r"/(?:tags?|categor(?:y|ies))/([^/]+)/|/feeds/(?!all\b)([^/.]+)\.(?:atom|rss)\.xml"
)

FORMATS = (
    Format("atom", "application/atom+xml", write_atom),
    Format("rss", "application/rss+xml", write_rss),
    Format("json", "application/feed+json", write_json_feed),
)


def add_feed(form: Format) -> None:
    """Add the feed of all posts, and that of each tag, in one format."""

    def feed() -> ResponseReturnValue:
        catalogue = content().catalogue
        return answer_feed(form, catalogue.posts, "", catalogue.made_at)

    def tag_feed(slug: str) -> ResponseReturnValue:
        catalogue = content().catalogue
        tag = catalogue.find_tag(normalize("NFC", read_slug(slug))) or abort(404)
        # A tag can be written in endless ways, and each would be a feed in the cache.
        if slug != write_slug(tag):
            return redirect(url_for(f"pages.tag_feed_{form.ending}", slug=write_slug(tag)), 308)
        return answer_feed(form, catalogue.tags[tag], tag, catalogue.made_at)

    pages.add_url_rule(f"/feed.{form.ending}", f"feed_{form.ending}", feed)
    pages.add_url_rule(f"/tags/<slug>/feed.{form.ending}", f"tag_feed_{form.ending}", tag_feed)


for _form in FORMATS:
    add_feed(_form)


def answer_feed(
    form: Format, posts: Sequence[Post], tag: str, changed: datetime
) -> ResponseReturnValue:
    """Answer with a feed of these posts; there are none without BLOG_SITE_URL."""
    site_url, settings = content().renderer.site_url, content().settings
    if not site_url:
        return Response(NO_ADDRESS, 404, mimetype="text/plain")
    entries: list[Entry] = []
    # A feed is in the order of time: a post without a date has no place in it.
    dated = [(post, post.date) for post in posts if post.date]
    for post, published in dated[: settings.feed_posts]:
        html = add_copies(content().library.render(post).html)
        entries.append(make_entry(post, published, html, site_url, settings.language))
        # A long post takes tens of milliseconds; sockets are served in between.
        wait_a_round()
    body = form.write(describe_channel(settings, form, tag), entries)
    return answer_file(body, form.mimetype, changed)


@pages.after_app_request
def follow_old_feed(response: Response) -> Response:
    """Lead from where a feed was at another publisher to the present one."""
    is_missing = response.status_code == 404 and request.method in ("GET", "HEAD")
    if is_missing and content().renderer.site_url:
        catalogue = content().catalogue
        found = find_old_feed(request.path, catalogue.tags)
        post_id = request.path.removeprefix("/blog/").rstrip("/")
        is_taken = post_id in catalogue.index.hidden or catalogue.index.find_alias(request.path)
        if found is not None and not is_taken:
            ending, tag = found
            response.status_code = 301
            response.headers["Location"] = (
                url_for(f"pages.tag_feed_{ending}", slug=write_slug(tag))
                if tag
                else url_for(f"pages.feed_{ending}")
            )
            response.set_data(b"")
    return response


def find_old_feed(path: str, tags: Iterable[str]) -> tuple[str, str] | None:
    """Return the format and the tag ("" for all posts) of the feed that an old address was of.

    None for what was no feed, and for one of a tag that no post has.
    """
    found = _OLD_FEED.fullmatch(path)
    if found is None:
        return None
    ending = "atom" if found["atom"] else "rss"
    group = _OLD_GROUP.search(path)
    if group is None:
        return ending, ""
    wanted = slugify(group[1] or group[2]).lower()
    tag = next((tag for tag in tags if slugify(tag).lower() == wanted), None)
    return None if tag is None else (ending, tag)


def describe_channel(settings: Settings, form: Format, tag: str) -> Channel:
    """Say what a feed is of: all posts, or those with one tag."""
    slug = write_slug(tag)
    if tag:
        home = url_for("pages.tag", slug=slug)
        path = url_for(f"pages.tag_feed_{form.ending}", slug=slug)
    else:
        home = url_for("pages.index")
        path = url_for(f"pages.feed_{form.ending}")
    site_url = settings.origin
    return Channel(
        title=f"{settings.title}: {tag}" if tag else settings.title,
        description=settings.description,
        language=settings.language,
        home_url=site_url + home,
        feed_url=site_url + path,
    )


def make_entry(
    post: Post, published: datetime, body: str, site_url: str, site_language: str
) -> Entry:
    """Make the entry of a post whose body is this HTML."""
    url = site_url + url_for("pages.post", post_id=post.id)
    html = make_absolute(body, url)
    if is_right_to_left(post.lang or site_language):
        html = f'<div dir="rtl">{html}</div>'
    return Entry(
        url=url,
        title=post.title,
        summary=post.description,
        html=html,
        published=published,
        updated=max(post.updated or published, published),
        authors=post.authors,
        tags=post.tags,
        language=post.lang,
        image=find_image(post, url, request.script_root),
    )
