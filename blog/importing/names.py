"""Names: several authors in one text, and several posts of one name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from blog.importing.source import Source
from blog.posts.names import MAX_ID_CHARS, slugify

_BETWEEN = re.compile(r"\s*,\s*(?:(?:and|und|et|y|e|и)\s+|&\s*)?|\s+(?:and|und|et|y|и|&)\s+")
# So many posts of one name and one day are told apart by a number.
MAX_ALIKE = 1000


def divide_names(text: str) -> list[str]:
    """Return the names in a text such as "Ada Lovelace, Grace Hopper and Mary Jackson".

    "Lovelace, Ada" and "Ada Lovelace, PhD" are one name: after a comma only a name of several words
    is another author, unless there is an "and". A part that begins with a small letter belongs to
    the part before it.
    """
    parts = [*_BETWEEN.finditer(text)]
    names, start = [], 0
    for mark in parts:
        follows = text[mark.end() :]
        if not text[start : mark.start()].strip() or follows[:1].islower():
            continue
        names.append(text[start : mark.start()].strip())
        start = mark.end()
    names.append(text[start:].strip())
    is_list = any(mark[0].strip(" ,") for mark in parts) or all(" " in name for name in names)
    return [name for name in names if name] if is_list else [text.strip()]


def tell_apart(sources: list[Source], *, language: str = "", by_address: bool) -> Iterator[Source]:
    """Yield the posts; of several with one name, the later ones get theirs made longer.

    Language, day or a number is added. The first in the site's own language keeps the name.
    Numbers are used only `by_address`, where two of one name are known to be two pages. Posts that
    cannot be told apart keep their name.
    """
    first: dict[str, Source] = {}
    for source in sorted(sources, key=lambda one: one.lang not in ("", language)):
        first.setdefault(source.id, source)
    taken = set(first)
    for source in sources:
        holder = first[source.id]
        if holder is not source:
            free = (
                one for one in _list_ids(source, holder, by_address=by_address) if one not in taken
            )
            source = replace(source, id=next(free, source.id))
        taken.add(source.id)
        yield source


def _list_ids(source: Source, holder: Source, *, by_address: bool) -> Iterator[str]:
    short = source.id[: MAX_ID_CHARS - 20]
    lang, other = (slugify(str(one.fields.get("lang") or one.lang)) for one in (source, holder))
    if lang and lang != other:
        yield f"{short}.{lang.lower()}"
    if source.date is not None:
        yield f"{short}-{source.date:%Y-%m-%d}"
    if by_address or source.date is not None:
        for number in range(2, MAX_ALIKE):
            yield f"{short}-{number}"
