"""Ghost's export: one JSON object with its tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blog.importing.exports import Item, LeftOut, make_source
from blog.importing.site import ImportSourceError
from blog.importing.source import UnreadableError
from blog.posts.dates import read_date

# It is read as a whole.
MAX_BYTES = 256 * 1024 * 1024
# Ghost's name for its own address in texts.
_OWN = "__GHOST_URL__"
_TABLES = {"posts", "tags", "posts_tags", "users", "posts_authors", "posts_meta"}

Row = dict[str, Any]


def read_ghost(path: Path) -> Iterator[Item]:
    """Yield each post and page of an export, and what else it has. Raises `ImportSourceError`."""
    tables = _read_tables(path)
    names = {
        str(row.get("id")): str(row.get("name") or "") for row in tables["users"] + tables["tags"]
    }
    meta = {str(row.get("post_id")): row for row in tables["posts_meta"]}
    authors = _relate(tables["posts_authors"], "author_id", names)
    tags = _relate(tables["posts_tags"], "tag_id", names)
    for post in tables["posts"]:
        number = str(post.get("id") or "?")
        authors.setdefault(number, [names.get(str(post.get("author_id")), "")])
        try:
            yield _read_text(path, {**meta.get(number, {}), **post}, authors[number], tags[number])
        except UnreadableError as error:
            yield LeftOut(number, (str(error),))
    for name in sorted(tables.keys() - _TABLES):
        if count := len(tables[name]):
            yield LeftOut(name, (f"{count} of this kind",))


def _read_tables(path: Path) -> dict[str, list[Row]]:
    if path.stat().st_size > MAX_BYTES:
        raise ImportSourceError(f"{path}: found more than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
        found = found["db"][0] if "db" in found else found
        data = found["data"]
        posts = data["posts"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ImportSourceError(
            f"{path}: it is no export of Ghost ({type(error).__name__})"
        ) from error
    if not isinstance(posts, list):
        raise ImportSourceError(f"{path}: it is no export of Ghost: its posts are no list")
    tables: dict[str, list[Row]] = defaultdict(list)
    for name, rows in data.items():
        if isinstance(rows, list):
            tables[name] = [row for row in rows if isinstance(row, dict)]
    return tables


def _relate(rows: list[Row], name: str, names: dict[str, str]) -> dict[str, list[str]]:
    """Return the names that are related to each post, in their order."""
    related: dict[str, list[str]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: str(row.get("sort_order") or 0).zfill(6)):
        if found := names.get(str(row.get(name))):
            related[str(row.get("post_id"))].append(found)
    return related


def _read_text(path: Path, post: Row, authors: list[str], tags: list[str]) -> Item:
    number = str(post.get("id") or "?")
    body = post.get("html")
    if not isinstance(body, str):
        return LeftOut(number, ("it has no HTML; save it again in Ghost, and export once more",))
    status, who = str(post.get("status")), str(post.get("visibility") or "public")
    is_hidden = status not in ("published", "scheduled") or who != "public"
    notes = []
    if is_hidden and status != "draft":
        notes.append(f"it is for {who}, {status}, and became draft: true")
    if internal := [tag for tag in tags if tag.startswith("#")]:
        notes.append(f"left out: the tags {', '.join(internal)}")
    date = read_date(post.get("published_at") or None)
    updated = read_date(post.get("updated_at") or None)
    fields: dict[str, Any] = {
        "title": post.get("title") or "",
        "description": post.get("custom_excerpt") or post.get("meta_description") or "",
        "date": date,
        "updated": updated if date and updated and updated.date() > date.date() else None,
        "draft": is_hidden,
        "authors": [name for name in authors if name],
        "tags": [tag for tag in tags if tag not in internal],
        "image": str(post.get("feature_image") or "").replace(_OWN, ""),
        "canonical": post.get("canonical_url") or "",
    }
    is_page = post.get("type") == "page" or post.get("page") in (1, True)
    slug = str(post.get("slug") or "")
    body = body.replace(_OWN, "")
    return make_source(path, number, slug, fields, body, is_page=is_page, notes=tuple(notes))
