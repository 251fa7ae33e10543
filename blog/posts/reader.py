"""One file's bytes to one post, or to every fault the file has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from blog.posts.fields import MAX_TITLE_CHARS, Complaint, Fields
from blog.posts.frontmatter import FrontMatter, FrontMatterError, Split, split
from blog.posts.markup.outline import find_heading, find_paragraph, shorten
from blog.posts.model import Fault, Post
from blog.posts.names import MAX_ID_CHARS, Named, read_place

# Twice a long novel. It is read by every worker, and takes a few seconds to render.
MAX_FILE_BYTES = 1024 * 1024
# Python-Markdown searches the whole paragraph for the end of each: 20,000 brackets took 33 s.
MAX_OPEN_BRACKETS = 500
MAX_ENCODING_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file came to: a post, or faults. Never both, never neither."""

    post: Post | None
    faults: tuple[Fault, ...] = ()


def read_post(path: Path, place: PurePosixPath, content: bytes, zone: tzinfo = UTC) -> Reading:
    """Read a post; `path` is named in faults, `place` is the path below the posts folder.

    A date without a time zone is one of `zone`.
    """
    if len(content) > MAX_FILE_BYTES:
        return Reading(None, (describe_size(path, len(content)),))
    text, faults = _decode(path, content)
    front_line = 1  # `split` counts from the file's first line, a handler from its own
    try:
        parts = split(text)
        front_line = parts.front_line
        front = _read_front(parts)
    except FrontMatterError as error:
        line = front_line + error.line - 1
        return Reading(None, (*faults, Fault(path, line, error.found, error.expected, error.mend)))
    fields = Fields(front, zone)
    source = _Source(path, content, parts, front, read_place(place, zone))
    post = _make_post(source, fields)
    faults += _find_faults(source, fields, post)
    return Reading(None, tuple(sorted(faults))) if faults else Reading(post)


@dataclass(frozen=True, slots=True)
class _Source:
    """A file's bytes, its parts, its front matter, and what its place says of it."""

    path: Path
    content: bytes
    parts: Split
    front: FrontMatter
    named: Named

    def line_of(self, line: int) -> int:
        """Return a line of the front matter as one of the file."""
        return self.parts.front_line + line - 1


def _make_post(source: _Source, fields: Fields) -> Post:
    parts, named = source.parts, source.named
    slug, former_id = fields.slug()
    title = fields.text("title", MAX_TITLE_CHARS)
    description = fields.text("description")
    heading = "" if title else find_heading(parts.body)[:MAX_TITLE_CHARS]
    date = fields.date("date") or named.date
    return Post(
        id=slug or named.id,
        former_id=former_id if slug else named.former_id,
        title=title or heading,
        description=shorten(description, 1000) or find_paragraph(parts.body),
        date=date,
        updated=fields.date("updated"),
        authors=fields.authors(),
        tags=fields.tags(),
        draft=fields.is_draft(),
        expires=fields.expires(date),
        series=fields.series(),
        aliases=fields.aliases(),
        canonical=fields.canonical(),
        image=fields.image(),
        image_alt=fields.text("image_alt"),
        image_caption=fields.text("image_caption"),
        lang=fields.lang() or named.lang,
        presence=fields.switch("presence") is not False,
        menu=fields.number("menu"),
        path=source.path,
        body=parts.body,
        body_line=parts.body_line,
        extra=fields.rest(),
        fingerprint=blake2b(source.content, digest_size=16).hexdigest(),
        titled_by_heading=bool(heading),
        hints=tuple(_list_faults(source, fields.hints)),
        field_lines={n.lower(): source.line_of(line) for n, line in source.front.lines.items()},
    )


def _find_faults(source: _Source, fields: Fields, post: Post) -> Iterator[Fault]:
    """Yield what is wrong with a post that was read as far as it could be."""
    yield from _list_faults(source, fields.complaints)
    complained = any(c.found.startswith("title:") for c in fields.complaints)
    title_line = source.line_of(fields.line("title"))
    yield from _find_missing(source.path, title_line, post, complained=complained)
    yield from _find_brackets(source.path, source.parts)
    if source.named.wrong_date and not source.front.values.get("date"):
        yield Fault(
            source.path,
            1,
            f"date: found {source.named.wrong_date} in the file's name",
            "a date such as 2026-11-24",
            "rename the file, or write a date in its front matter",
        )


def _list_faults(source: _Source, complaints: Iterable[Complaint]) -> list[Fault]:
    """Return complaints with their places in the file."""
    return [
        Fault(source.path, source.line_of(c.line), c.found, c.expected, c.mend) for c in complaints
    ]


def describe_size(path: Path, size_bytes: int) -> Fault:
    """Make the fault of a file that is too large to be read."""
    return Fault(
        path,
        1,
        f"a file of {size_bytes / 1024 / 1024:.1f} MiB",
        f"at most {MAX_FILE_BYTES // 1024 // 1024} MiB",
        "divide the post, or move it out of the posts folder",
    )


def _read_front(parts: Split) -> FrontMatter:
    if parts.handler is None:
        return FrontMatter()
    front = parts.handler.read(parts.front)
    values: object = front.values  # what a handler makes of `- a list` is not checked there
    if not isinstance(values, dict):
        found = f"front matter that is a {type(values).__name__}"
        raise FrontMatterError(1, found, "names with values", "write title: and the title")
    return front


def _decode(path: Path, content: bytes) -> tuple[str, list[Fault]]:
    """Decode UTF-8 (a byte order mark is fine), with a fault for each line that is not."""
    faults: list[Fault] = []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        faults = [
            Fault(
                path,
                line,
                "bytes that are no UTF-8",
                "text in UTF-8",
                "save the file as UTF-8 (your editor: “Save with encoding”)",
            )
            for line in _find_undecodable(content)
        ][:MAX_ENCODING_FAULTS]
        text = content.decode("utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n"), faults


def _find_undecodable(content: bytes) -> Iterator[int]:
    for number, line in enumerate(content.replace(b"\r\n", b"\n").split(b"\n"), 1):
        try:
            line.decode()
        except UnicodeDecodeError:
            yield number


def _find_brackets(path: Path, parts: Split) -> list[Fault]:
    """Find the first bracket beyond the limit of open ones: nobody means to open so many and
    close none.
    """
    if parts.body.count("[") <= MAX_OPEN_BRACKETS:
        return []
    depth = 0
    for bracket in re.finditer(r"[\[\]]", parts.body):
        depth = depth + 1 if bracket[0] == "[" else max(0, depth - 1)
        if depth > MAX_OPEN_BRACKETS:
            line = parts.body_line + parts.body.count("\n", 0, bracket.start())
            found = f"more than {MAX_OPEN_BRACKETS} brackets that are open at once"
            return [Fault(path, line, found, "a ] for every [", "close them, or write \\[ for [")]
    return []


def _find_missing(path: Path, line: int, post: Post, *, complained: bool) -> list[Fault]:
    """Find required fields that are missing; a title that is no text has its complaint already."""
    faults = []
    if not post.title and not complained:
        faults.append(
            Fault(
                path,
                line,
                "title: found none",
                "a title, or a heading in the text",
                "write title: and the title in the front matter",
            )
        )
    if not post.id or len(post.id) > MAX_ID_CHARS:
        faults.append(
            Fault(
                path,
                1,
                f'id: found "{path.stem[:60]}" as the file\'s name',
                f"letters or digits, at most {MAX_ID_CHARS} characters",
                "rename the file, or write slug: hello-world in its front matter",
            )
        )
    return faults
