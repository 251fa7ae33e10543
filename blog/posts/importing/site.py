"""Which publisher a folder belongs to, and what its configuration says of addresses."""

from __future__ import annotations

import ast
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import yaml

from blog.posts.finding import is_hidden

KINDS = ("jekyll", "hugo", "pelican", "nimble", "plain")
MAX_CONFIG_BYTES = 1024 * 1024
# A site's folder may be this many above the folder of posts that is named.
MAX_LEVELS_UP = 3

JEKYLL_STYLES = {
    "date": "/:categories/:year/:month/:day/:title.html",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "ordinal": "/:categories/:year/:y_day/:title.html",
    "none": "/:categories/:title.html",
}
HUGO_PATTERN = "/:sections/:slugorfilename/"
MARKDOWN_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")
OTHER_SUFFIXES = {
    ".rst": "reStructuredText",
    ".html": "HTML",
    ".htm": "HTML",
    ".org": "Org",
    ".adoc": "AsciiDoc",
    ".asciidoc": "AsciiDoc",
    ".textile": "Textile",
    ".ipynb": "a notebook",
}


class ImportSourceError(ValueError):
    """A folder from which nothing can be imported, and why."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where posts come from. `patterns` are the addresses by section, "" for every other one.

    If there are any names in `only`, posts are in folders of these names only.
    """

    kind: str
    root: Path
    posts: Path
    patterns: Mapping[str, str]
    prefix: str = ""
    zone: ZoneInfo | None = None
    only: frozenset[str] = frozenset()

    def pattern(self, section: str) -> str:
        """Return the pattern of the addresses in a section; empty where nobody knows."""
        return self.patterns.get(section) or self.patterns.get("", "")

    def walk(self) -> Iterator[Path]:
        """Yield every file that is a post, or one in a form that cannot be read, in order."""
        for place, folders, names in os.walk(self.posts):
            folders[:] = sorted(name for name in folders if not is_hidden(name))
            parts = Path(place).relative_to(self.posts).parts
            if self.only and not self.only & {*parts}:
                continue
            for name in sorted(names):
                path = Path(place) / name
                wanted = path.suffix.lower() in (*MARKDOWN_SUFFIXES, *OTHER_SUFFIXES)
                if wanted and not is_hidden(name) and path.is_file():
                    yield path


def find_site(folder: Path, kind: str = "", address: str = "") -> Site:
    """Find out what a folder is; `kind` and `address`, a pattern, are believed where given.

    Raises `ImportSourceError` for a folder without posts.
    """
    for place in [folder, *folder.absolute().parents][: MAX_LEVELS_UP + 1]:
        for found, configure in _CONFIGURE.items():
            if kind in ("", found) and (site := configure(place, folder)):
                return _with_address(site, address)
    site = Site(kind or _guess_by_content(folder), folder, folder, {})
    default = {"jekyll": JEKYLL_STYLES["date"], "hugo": HUGO_PATTERN, "pelican": "/:slug.html"}
    site = Site(site.kind, folder, folder, {"": default.get(site.kind, "")})
    if next(site.walk(), None) is None:
        raise ImportSourceError(f"{folder}: found no posts; expected files such as hello.md")
    return _with_address(site, address)


def _with_address(site: Site, address: str) -> Site:
    if not address:
        return site
    return replace(site, patterns={"": address}, prefix="")


def _configure_jekyll(place: Path, folder: Path) -> Site | None:
    config = _read_config(place, "_config", (".yml", ".yaml", ".toml"))
    if config is None and not (place / "_posts").is_dir():
        return None
    config = config or {}
    style = str(config.get("permalink") or "date")
    pattern = JEKYLL_STYLES.get(style, style)
    prefix = str(config.get("baseurl") or "")
    only = frozenset({"_posts", "_drafts"}) if _is_same(folder, place) else frozenset()
    zone = _read_zone(config, "timezone")
    return Site("jekyll", place, folder, {"": pattern}, prefix, zone, only)


def _configure_hugo(place: Path, folder: Path) -> Site | None:
    suffixes = (".toml", ".yaml", ".yml", ".json")
    config = _read_config(place, "hugo", suffixes)
    if config is None:
        config = _read_config(place / "config" / "_default", "hugo", suffixes)
    if config is None and (place / "content").is_dir():
        config = _read_config(place, "config", suffixes)
    if config is None:
        return None
    named = {name.lower(): value for name, value in config.items()}
    ugly = named.get("uglyurls") is True
    patterns = {"": HUGO_PATTERN.rstrip("/") + ".html" if ugly else HUGO_PATTERN}
    permalinks = named.get("permalinks")
    for source in (permalinks, permalinks.get("page") if isinstance(permalinks, dict) else None):
        if isinstance(source, dict):
            patterns |= {str(k): v for k, v in source.items() if isinstance(v, str)}
    posts = place / "content" if _is_same(folder, place) else folder
    prefix = urlsplit(str(named.get("baseurl") or "")).path
    return Site("hugo", place, posts, patterns, prefix, _read_zone(named, "timezone"))


def _configure_pelican(place: Path, folder: Path) -> Site | None:
    path = place / "pelicanconf.py"
    if not path.is_file():
        return None
    # Read, never run: only what is written out in it counts.
    config: dict[str, Any] = {}
    try:
        for step in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(step, ast.Assign) and isinstance(step.value, ast.Constant):
                config |= {t.id: step.value.value for t in step.targets if isinstance(t, ast.Name)}
    except (OSError, ValueError, SyntaxError, RecursionError) as error:
        raise ImportSourceError(f"{path}: it cannot be read ({error})") from error
    pattern = "/" + str(config.get("ARTICLE_URL") or "{slug}.html").lstrip("/")
    posts = place / str(config.get("PATH") or "content") if _is_same(folder, place) else folder
    prefix = urlsplit(str(config.get("SITEURL") or "")).path
    return Site("pelican", place, posts, {"": pattern}, prefix, _read_zone(config, "TIMEZONE"))


_CONFIGURE = {
    "hugo": _configure_hugo,
    "jekyll": _configure_jekyll,
    "pelican": _configure_pelican,
}


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _read_config(place: Path, stem: str, suffixes: tuple[str, ...]) -> dict[str, Any] | None:
    for suffix in suffixes:
        path = place / f"{stem}{suffix}"
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")[:MAX_CONFIG_BYTES]
            if suffix == ".toml":
                config: Any = tomllib.loads(text)
            else:
                config = json.loads(text) if suffix == ".json" else yaml.safe_load(text)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise ImportSourceError(f"{path}: it cannot be read ({reason})") from error
        return config if isinstance(config, dict) else {}
    return None


def _read_zone(config: Mapping[str, Any], name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(config[name]))
    except (KeyError, ValueError, OSError):
        return None


def _guess_by_content(folder: Path) -> str:
    """Tell by the first posts: each publisher's files begin in their own way."""
    if {"_posts", "_drafts"} & {folder.name, *(child.name for child in folder.iterdir())}:
        return "jekyll"
    for path in Site("plain", folder, folder, {}).walk():
        if path.suffix not in MARKDOWN_SUFFIXES:
            continue
        with path.open("rb") as file:
            start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"%{"):
            return "nimble"
        if start.startswith(b"+++"):
            return "hugo"
        if start.lower().startswith((b"title:", b"date:")):
            return "pelican"
        return "plain"
    return "plain"
