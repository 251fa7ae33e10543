"""A site of another publisher: where its posts are, and how their addresses are made."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from blog.posts.finding import SUFFIXES, is_hidden

KINDS = ("jekyll", "hugo", "zola", "pelican", "nimble", "wordpress", "ghost", "plain")

JEKYLL_STYLES = {
    "date": "/:categories/:year/:month/:day/:title.html",
    "weekdate": "/:categories/:year/W:week/:short_day/:title.html",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "ordinal": "/:categories/:year/:y_day/:title.html",
    "none": "/:categories/:title.html",
}
# Folders of tools beside a site.
_NO_PAGES = frozenset({"node_modules", "vendor", "themes", "scaffolds", "public"})
MARKDOWN_SUFFIXES = (*SUFFIXES, ".mkdn", ".mdwn", ".mdtext")
OTHER_SUFFIXES = {
    ".rst": "reStructuredText",
    ".html": "HTML",
    ".htm": "HTML",
    ".org": "Org",
    ".adoc": "AsciiDoc",
    ".asciidoc": "AsciiDoc",
    ".textile": "Textile",
    ".ipynb": "a notebook",
    ".mdx": "MDX",
    ".rmd": "R Markdown",
    ".haml": "Haml",
    ".slim": "Slim",
    ".wiki": "wiki text",
}

_FEEDS = {
    "jekyll": ("feed.xml", "atom.xml"),
    "hugo": ("index.xml",),
    "zola": ("atom.xml",),
    "pelican": ("feeds/all.atom.xml",),
}


class ImportSourceError(ValueError):
    """A folder from which nothing can be imported, and why."""


@dataclass(frozen=True, slots=True)
class Base:
    """A folder from which addresses count; `lang` is the language of what is in it."""

    folder: Path
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Defaults:
    """Fields of posts that do not have them: Jekyll's, below `path`, of a `type` or of all."""

    values: Mapping[str, Any]
    path: str = ""
    type: str = ""

    def apply_to(self, path: PurePosixPath, type_: str) -> bool:
        """Tell whether these defaults apply to a file, by its path in the site."""
        if self.type and self.type not in (type_, "posts"):
            return False
        if "*" in self.path:
            return any(place.match(self.path) for place in (path, *path.parents))
        return path.is_relative_to(self.path)


@dataclass(frozen=True, slots=True)
class Site:
    """Where posts come from. `patterns` are the addresses by section, "" for every other one.

    If there are any names in `only`, posts are in folders of these names only. Sections are folders
    of the deepest of the `bases` that a post is in. `ugly` are the sections whose addresses end in
    `.html`, "" for all. Of the `languages`, `language` has a folder of its own in addresses only if
    `in_subdir`. Titles become addresses as they are if `is_unicode`, else in ASCII. `translated` is
    the pattern of posts in another language, where Pelican has one.
    """

    kind: str
    root: Path
    posts: Path
    patterns: Mapping[str, str]
    prefix: str = ""
    zone: ZoneInfo | None = None
    only: frozenset[str] = frozenset()
    bases: tuple[Base, ...] = ()
    defaults: tuple[Defaults, ...] = ()
    ugly: frozenset[str] = frozenset()
    language: str = ""
    languages: frozenset[str] = frozenset()
    in_subdir: bool = False
    keeps_case: bool = False
    is_unicode: bool = True
    export: Path | None = None
    translated: str = ""

    @property
    def feeds(self) -> tuple[str, ...]:
        """Where such sites have the feeds of all posts, unless they say otherwise."""
        return tuple(join_address(self.prefix, path) for path in _FEEDS.get(self.kind, ()))

    def pattern(self, section: str) -> str:
        """Return the pattern of the addresses in a section; empty where nobody knows."""
        pattern = self.patterns.get(section) or self.patterns.get("", "")
        if {section, ""} & self.ugly and not PurePosixPath(pattern).suffix:
            pattern = pattern.rstrip("/") + ".html"
        return pattern

    def find_base(self, path: Path) -> Base:
        """Return the folder from which the address of a file counts."""
        having = [base for base in self.bases if path.is_relative_to(base.folder)]
        return max(having, key=lambda base: len(base.folder.parts), default=Base(self.posts))

    def find_defaults(self, path: Path) -> dict[str, Any]:
        """Return the fields that a file has by the site's configuration."""
        place = PurePosixPath(path.relative_to(self.find_base(path).folder).as_posix())
        type_ = "drafts" if "_drafts" in place.parts else "posts"
        found = [one for one in self.defaults if one.apply_to(place, type_)]
        # The more specific ones win, and among equals the later ones.
        found.sort(key=lambda one: (len(PurePosixPath(one.path).parts), bool(one.type)))
        return {str(k).lower(): v for one in found for k, v in one.values.items()}

    def walk(self) -> Iterator[Path]:
        """Yield every file that is a post, or one in a form that cannot be read, in order."""
        for path in self.walk_all():
            if path.suffix.lower() in (*MARKDOWN_SUFFIXES, *OTHER_SUFFIXES):
                yield path

    def walk_pages(self) -> Iterator[Path]:
        """Yield every Markdown file that Jekyll or Hexo make a page of: beside its folders."""
        if self.kind != "jekyll" or not self.only:
            return
        top = self.bases[0].folder if self.bases else self.root
        for place, folders, names in os.walk(top):
            folders[:] = sorted(n for n in folders if n[0] not in "._" and n not in _NO_PAGES)
            for name in sorted(names):
                path = Path(place) / name
                if path.suffix.lower() in MARKDOWN_SUFFIXES and not is_hidden(name):
                    yield path

    def walk_all(self) -> Iterator[Path]:
        """Yield every file where the posts are, in order."""
        folders = [base.folder for base in self.bases if base.folder.is_relative_to(self.posts)]
        if self.export:
            return
        starts = [self.posts] if self.only or not folders else _drop_nested(folders)
        for start in starts:
            yield from self._walk(start)

    def _walk(self, start: Path) -> Iterator[Path]:
        for place, folders, names in os.walk(start):
            folders[:] = sorted(name for name in folders if not is_hidden(name))
            parts = Path(place).relative_to(self.posts).parts
            if self.only and not self.only & {*parts}:
                continue
            for name in sorted(names):
                path = Path(place) / name
                if not is_hidden(name) and path.is_file():
                    yield path


def join_address(*parts: str) -> str:
    """Join the parts of an address, which begins at the root."""
    return re.sub(r"/{2,}", "/", "/" + "/".join(parts))


def _drop_nested(folders: list[Path]) -> list[Path]:
    """Return the folders that are in no other of them, in order."""
    every = sorted(set(folders))
    return [
        one for one in every if not any(one != two and one.is_relative_to(two) for two in every)
    ]
