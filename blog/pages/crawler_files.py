"""What crawlers and tools ask for by name: robots.txt, sitemap.xml, favicon.ico, security.txt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from xml.sax.saxutils import escape

from flask import Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from blog.config import Settings
from blog.pages.blueprint import content, pages
from blog.pages.cache.page_cache import answer_file
from blog.pages.catalogue import Catalogue
from blog.pages.feeds import NO_ADDRESS
from blog.pages.format import write_slug
from blog.posts.page_names import COUNTING_PAGE

# sitemaps.org: a file has at most so many addresses.
MAX_ADDRESSES = 50_000
# RFC 9116, 2.5.5: less than a year ahead. It moves on with each day that somebody keeps the blog.
SECURITY_DAYS = 180
# Streams are no pages, and every search is another view of the same posts.
CLOSED_TO_ROBOTS = ("/live", "/search", "/preview/")

Address = tuple[str, datetime | None]


@pages.get("/robots.txt")
def robots() -> ResponseReturnValue:
    """Tell crawlers what is no page, and where the sitemap is."""
    site_url = content().renderer.site_url
    lines = [
        "User-agent: *",
        *(f"Disallow: {request.script_root}{path}" for path in CLOSED_TO_ROBOTS),
    ]
    if site_url:
        lines.append(f"Sitemap: {site_url}{url_for('pages.sitemap')}")
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


@pages.get("/sitemap.xml")
def sitemap() -> ResponseReturnValue:
    """List every page; there is none without BLOG_SITE_URL."""
    site_url = content().renderer.site_url
    if not site_url:
        return Response(NO_ADDRESS, 404, mimetype="text/plain")
    catalogue = content().catalogue
    body = write_sitemap(islice(list_addresses(catalogue, site_url), MAX_ADDRESSES))
    return answer_file(body, "application/xml", catalogue.made_at)


@pages.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """Lead to the icon of the static files."""
    return redirect(url_for("static", filename=content().settings.icon))


@pages.get("/.well-known/security.txt")
def security() -> ResponseReturnValue:
    """Say whom to tell of a weakness (RFC 9116)."""
    settings = content().settings
    if not settings.security_contact:
        abort(404)
    return Response(write_security(settings, datetime.now(UTC)), mimetype="text/plain")


def list_addresses(catalogue: Catalogue, site_url: str) -> Iterator[Address]:
    """Yield the address of every page and when it changed, posts before tags and years."""
    for endpoint in ("pages.index", "pages.archive", "pages.tags", "pages.counting"):
        yield site_url + url_for(endpoint), None
    for post in catalogue.posts:
        # What is canonical elsewhere is for that site to list.
        if not post.canonical:
            yield site_url + url_for("pages.post", post_id=post.id), post.updated or post.date
    for page in content().pages.index.posts:
        if not page.canonical and page.id != COUNTING_PAGE:
            yield site_url + url_for("pages.page", page_id=page.id), page.updated or page.date
    for tag in catalogue.tags:
        yield site_url + url_for("pages.tag", slug=write_slug(tag)), None
    for year in catalogue.years:
        if year.number is not None:
            yield site_url + url_for("pages.year", number=year.number), None


def write_sitemap(addresses: Iterable[Address]) -> bytes:
    """Write a sitemap (sitemaps.org, 0.9)."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
    ]
    for url, changed in addresses:
        when = f"<lastmod>{changed.isoformat()}</lastmod>" if changed else ""
        lines.append(f"<url><loc>{escape(url)}</loc>{when}</url>")
    return "\n".join([*lines, "</urlset>\n"]).encode()


def write_security(settings: Settings, now: datetime) -> str:
    """Write security.txt (RFC 9116)."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    expires = (today + timedelta(days=SECURITY_DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = [f"Contact: {settings.security_contact}", f"Expires: {expires}"]
    if settings.site_url:
        own = settings.site_url.rstrip("/") + "/.well-known/security.txt"
        lines.append(f"Canonical: {own}")
    return "\n".join([*lines, f"Preferred-Languages: {settings.language}"]) + "\n"
