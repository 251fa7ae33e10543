"""One file of another publisher: its fields, its text, its id and its old address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from pathlib import Path, PurePosixPath
from typing import Any

from blog.importing.site import Site
from blog.posts.addresses import POSTS_ROOT
from blog.posts.dates import read_date
from blog.posts.frontmatter import FrontMatterError, split
from blog.posts.names import is_bundle, make_id, read_place, slugify
from blog.posts.reader import MAX_FILE_BYTES

# Pelican's and MultiMarkdown's: `Title: Hello`, more lines of one value indented by four.
_META = re.compile(r"[ ]{0,3}([A-Za-z0-9_-]+):\s*(.*)")
_META_MORE = re.compile(r"[ ]{4,}(.*)")


class UnreadableError(ValueError):
    """A file that cannot be imported, and why."""


@dataclass(frozen=True, slots=True)
class Source:
    """A post as it was found; `fields` have lower-case names. `body_line` is the body's first.

    `place` is its path from where the site's addresses count, `folders` those that are part of it.
    `lang` is the language given by its name or its folder, `own_fields` are the fields that are not
    the site's defaults, and `notes` name what was changed or lost so far.
    """

    path: Path
    place: PurePosixPath
    fields: Mapping[str, Any]
    body: str
    body_line: int
    id: str
    date: datetime | None
    is_draft: bool = False
    folders: tuple[str, ...] = field(default=())
    lang: str = ""
    own_fields: frozenset[str] = frozenset()
    is_page: bool = False
    notes: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """The file's name without suffix and language; of a bundle, the folder's."""
        return self.place.parent.name if self.is_bundle else drop_language(self.place, self.lang)

    @property
    def root(self) -> str:
        """What the new address begins with."""
        return "" if self.is_page else POSTS_ROOT

    @property
    def is_bundle(self) -> bool:
        """Tell whether the post is its folder, with its pictures beside it."""
        name = f"{drop_language(self.place, self.lang)}.md"
        return is_bundle(name) and bool(self.place.parent.name)


def read_source(site: Site, path: Path, zone: tzinfo) -> Source:
    """Read a file. Raises `UnreadableError`."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UnreadableError(f"it is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise UnreadableError("it is not in UTF-8") from error
    fields, body, body_line = _read_parts(text)
    own_fields = frozenset(fields)
    fields = {**site.find_defaults(path), **fields}
    base = site.find_base(path)
    place = PurePosixPath(path.relative_to(base.folder).as_posix())
    translated = place.stem.rpartition(".")[2].lower() if "." in place.stem else ""
    translated = translated if translated in site.languages else ""
    named = read_place(place.with_name(f"{drop_language(place, translated)}.md"), zone)
    title, slug = str(fields.get("title") or ""), str(fields.get("slug") or "")
    post_id = named.id
    if translated and translated != site.language:
        post_id = f"{post_id}.{translated}"
    if slugify(slug):
        post_id = make_id(slug)
    elif site.kind == "pelican" and slugify(title):
        # Pelican's address comes from the title.
        post_id = make_id(title.lower())
    date = None
    for name in ("date", "publishdate", "published_at", "pubdate"):
        date = date or read_date(fields.get(name), site.zone or zone)
    source = Source(
        path=path,
        place=place,
        fields=fields,
        body=body,
        body_line=body_line,
        id=post_id,
        date=date or named.date,
        is_draft="_drafts" in path.parts,
        lang=translated or base.lang.lower() or named.lang,
        own_fields=own_fields,
    )
    return replace(source, folders=_list_folders(site, source))


def drop_language(place: PurePosixPath, lang: str) -> str:
    """Return a file's name without its suffix and without its language, if it has that."""
    stem = place.stem
    return stem[: -len(lang) - 1] if lang and stem.lower().endswith(f".{lang}".lower()) else stem


def _list_folders(site: Site, source: Source) -> tuple[str, ...]:
    parts = source.place.parent.parts
    marks = [at for at, part in enumerate(parts) if part in ("_posts", "_drafts")]
    if site.kind == "jekyll" and marks:
        # Jekyll's categories are the folders above that of the posts, and not those in it.
        return parts[: marks[0]]
    return parts[:-1] if source.is_bundle else parts


def _read_parts(text: str) -> tuple[dict[str, Any], str, int]:
    try:
        parts = split(text)
        if parts.handler is None:
            return _read_meta(text)
        values = parts.handler.read(parts.front).values
    except FrontMatterError as error:
        raise UnreadableError(f"line {error.line}: {error.found}") from error
    if not isinstance(values, dict):
        raise UnreadableError("its front matter has no names")
    nested: dict[str, Any] = {}
    for group in ("params", "taxonomies", "extra"):  # Hugo's, and Zola's
        if isinstance(values.get(group), Mapping):
            nested |= values.pop(group)
    fields = {str(name).lower(): value for name, value in {**nested, **values}.items()}
    return fields, parts.body, parts.body_line


def _read_meta(text: str) -> tuple[dict[str, Any], str, int]:
    fields: dict[str, Any] = {}
    name, lines = "", text.split("\n")
    number = 0
    for number, line in enumerate(lines):  # noqa: B007 - how far it came is used below
        if found := _META.fullmatch(line):
            name = found[1].lower()
            fields[name] = found[2].strip()
        elif name and (more := _META_MORE.fullmatch(line)):
            fields[name] += f" {more[1].strip()}"
        else:
            break
    if not {"title", "date"} & fields.keys():
        return {}, text, 1  # a text that begins with a word and a colon
    return fields, "\n".join(lines[number:]), number + 1


def read_words(value: Any, *, spaced: bool = False) -> list[str]:
    """Read a list, or a text: cut at its commas, or at its spaces as Jekyll does.

    With `spaced` a word may have spaces.
    """
    if isinstance(value, list | tuple):
        # Hexo has lists in it: `categories: [[Sports, Tennis]]`.
        items = [i for one in value for i in (one if isinstance(one, list | tuple) else [one])]
        return [str(item) for item in items if item is not None and str(item).strip()]
    if isinstance(value, str):
        between = "," if spaced or "," in value else r"\s+"
        return [word.strip() for word in re.split(between, value) if word.strip()]
    return [] if value is None else [str(value)]
