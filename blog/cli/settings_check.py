"""Settings that are well-formed, and yet do not go together."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from werkzeug.sansio.utils import host_is_trusted

from blog.config import Settings
from blog.desk.keys import KEY_FILE, DeskClosedError, find_key, has_one_host
from blog.words import find_catalogue, list_languages
from flask_presence.cli.doctor import Finding, fail, warn

# After so long without a word, proxies close a connection (nginx: proxy_read_timeout).
PROXY_PATIENCE_SECONDS = 60


def examine_language(settings: Settings) -> Iterator[Finding]:
    """Tell where the pages' own words are in another language than the posts."""
    if find_catalogue(settings.language) is None:
        yield warn(
            "language",
            f"the blog has no words in {settings.language} (BLOG_LANGUAGE), its own are English",
            f"one of {', '.join(list_languages())}",
            f"Make a catalogue, translations/{settings.language}.po: docs/languages.md",
        )


def examine_desk(settings: Settings) -> Iterator[Finding]:
    """Tell where nobody can sign in at the desk, or anybody may know its key."""
    path = settings.instance_dir / KEY_FILE
    if settings.secret_key:
        return
    if not has_one_host(settings):
        yield warn(
            "desk",
            "BLOG_SECRET_KEY is empty, and BLOG_REDIS_URL is of another machine",
            "one key for all hosts",
            "There is no desk: set BLOG_SECRET_KEY, and BLOG_DATABASE_URL where there are several",
        )
    elif path.exists():
        try:
            find_key(settings)
        except DeskClosedError as error:
            yield fail("desk", str(error), fix="There is no desk until then")


def examine_settings(settings: Settings) -> Iterator[Finding]:
    """Check settings that are well-formed, and yet do not go together."""
    yield from examine_language(settings)
    yield from examine_desk(settings)
    site = urlsplit(settings.site_url)
    trusted = ", ".join(settings.trusted_hosts)
    if site.hostname and trusted and not host_is_trusted(site.netloc, settings.trusted_hosts):
        yield fail(
            "host",
            f"BLOG_TRUSTED_HOSTS is {trusted}",
            f"{site.hostname} of BLOG_SITE_URL among them",
            "Every page is refused: add it",
        )
    elif site.scheme == "https" and not trusted:
        yield warn(
            "host",
            "BLOG_TRUSTED_HOSTS is empty: the blog answers to every name",
            site.hostname or "",
            f"Set BLOG_TRUSTED_HOSTS={site.hostname}",
        )
    if site.scheme == "https" and not settings.proxy_hops:
        yield warn(
            "proxy",
            "BLOG_PROXY_HOPS is 0",
            "the number of proxies in front, as BLOG_SITE_URL has TLS",
            "Behind a proxy all readers have one address, and share its limit of streams",
        )
    if settings.ping_seconds >= PROXY_PATIENCE_SECONDS:
        yield warn(
            "pings",
            f"BLOG_PING_SECONDS is {settings.ping_seconds:g}",
            f"less than {PROXY_PATIENCE_SECONDS}",
            "Proxies close a connection that is silent for so long",
        )
    if everybody := [str(network) for network in settings.metrics if network.is_global]:
        yield warn(
            "metrics",
            f"BLOG_METRICS has {', '.join(everybody)}",
            "addresses of your own network",
            "Name Prometheus' own address, or set BLOG_METRICS_TOKEN",
        )
