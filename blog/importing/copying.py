"""Read every post of a site, convert it, and write what is not there yet."""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path, PurePosixPath
from typing import Literal
from unicodedata import normalize

from blog.importing.body import BodyConverter
from blog.importing.exports import LeftOut, name_item
from blog.importing.fields import convert_fields
from blog.importing.ghost import read_ghost
from blog.importing.media import MediaFinder
from blog.importing.names import tell_apart
from blog.importing.site import MARKDOWN_SUFFIXES, OTHER_SUFFIXES, Site
from blog.importing.source import Source, UnreadableError, read_source
from blog.importing.wordpress import read_wordpress
from blog.posts.addresses import post_path, write_alias_key
from blog.posts.finding import SUFFIXES
from blog.posts.names import read_place, slugify
from blog.posts.page_names import RESERVED
from blog.posts.reader import read_post
from blog.posts.writing import write_post

# Files among the posts that are lists of posts, or parts of the publisher's own.
_NO_POST = re.compile(
    r"(?:_index|readme|licen[sc]e|changelog|contributing)(?:\.[a-z]{2,3}(?:[-_]\w+)*)?",
    re.IGNORECASE,
)
EXPORTS = {"wordpress": read_wordpress, "ghost": read_ghost}
# Most file systems allow no longer name once `.md` is added.
MAX_NAME_BYTES = 240


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: `target` is where it is now; `notes` name what was changed or lost.

    `files` were copied beside it.
    """

    path: Path
    kind: Literal["imported", "kept", "left out"]
    target: Path | None = None
    notes: tuple[str, ...] = ()
    files: Collection[Path] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A folder that texts are copied into, and the ids that texts have there."""

    folder: Path
    taken: Collection[str]


def import_posts(
    site: Site,
    posts: Target,
    pages: Target,
    zone: tzinfo,
    *,
    aliases: Iterable[str] = (),
    only_tell: bool = False,
) -> Iterator[Outcome]:
    """Import a site's posts and pages, and yield what became of each file.

    Nothing is overwritten: a text whose id is taken, or whose file is there, is kept as it
    is. `aliases` are the old addresses that others have. With `only_tell` nothing is written.
    """
    found = list(mark_pages(site, _read_all(site, zone)))
    sources = [source for source in found if isinstance(source, Source)]
    by_address = bool(site.patterns.get("") or site.export)
    named = {
        one.path: one
        for kind in (False, True)
        for one in tell_apart(
            [source for source in sources if source.is_page is kind],
            language=site.language,
            by_address=by_address,
        )
    }
    names = _name_all(one for one in named.values() if not one.is_page)
    # The owner of each address, old or new: no two texts may share one.
    holders = {write_alias_key(post_path(one.id, one.root)): one.path for one in named.values()}
    others = [*(post_path(post_id) for post_id in posts.taken), *aliases]
    others += [post_path(page_id, "") for page_id in pages.taken]
    holders |= {write_alias_key(address): posts.folder for address in others}
    done: dict[str, Source] = {}
    for one in found:
        if isinstance(one, Outcome):
            yield one
            continue
        source = named[one.path]
        into = pages if source.is_page else posts
        address = post_path(source.id, source.root)
        target = into.folder / f"{_name_file(source.id)}.md"
        places = [*map(target.with_suffix, SUFFIXES), target.with_suffix("")]
        if source.is_page and source.id.lower() in RESERVED:
            reason = f"the blog has {address} itself; give the page another slug"
            yield Outcome(source.path, "left out", None, (reason,))
        elif earlier := done.get(address):
            reason = f"{earlier.path} has the address {address}, too; give it another slug"
            yield Outcome(source.path, "left out", None, (reason,))
        elif source.id in into.taken or any(place.exists() for place in places):
            what = "page" if source.is_page else "post"
            reason = f"a {what} of this address is there already"
            yield Outcome(source.path, "kept", target, (reason,))
        else:
            outcome = _import(site, source, into.folder, zone, names, holders, only_tell=only_tell)
            if outcome.kind == "imported":
                done[address] = source
            yield outcome


def _read_all(site: Site, zone: tzinfo) -> Iterator[Source | Outcome]:
    if site.export is not None:
        for item in EXPORTS[site.kind](site.export):
            if isinstance(item, LeftOut):
                path = name_item(site.export, item.name)
                yield Outcome(path, "left out", None, item.reasons)
            else:
                yield item
        return
    for path in site.walk():
        yield _read(site, path, zone)
    for path in site.walk_pages():
        page = _read(site, path, zone)
        if isinstance(page, Source) and not page.own_fields:
            page = Outcome(path, "left out", None, ("it has no front matter, so it was no page",))
        yield page if isinstance(page, Outcome) else _name_page(page)


def _name_page(page: Source) -> Source:
    """Return a page with the last part of the address that it says it has."""
    said = str(page.fields.get("permalink") or "").strip("/").rpartition("/")[2]
    name = slugify(said.removesuffix(".html")) if ":" not in said else ""
    return replace(page, is_page=True, id=name or page.id)


def _read(site: Site, path: Path, zone: tzinfo) -> Source | Outcome:
    try:
        if form := OTHER_SUFFIXES.get(path.suffix.lower()):
            raise UnreadableError(f"it is {form}, not Markdown")
        if _NO_POST.fullmatch(path.stem):
            raise UnreadableError("it is a page about the posts, not a post")
        return read_source(site, path, zone)
    except UnreadableError as error:
        return Outcome(path, "left out", None, (str(error),))
    except OSError as error:
        return Outcome(path, "left out", None, (f"it cannot be read ({error.strerror})",))


def mark_pages(site: Site, found: Iterable[Source | Outcome]) -> Iterator[Source | Outcome]:
    """Yield all texts; those that are pages at their publisher are marked as pages.

    Hugo's and Zola's are beside their sections, where there is any; Pelican's are in `pages`.
    """
    everything = list(found)
    has_sections = any(isinstance(one, Source) and one.folders for one in everything)
    for one in everything:
        if isinstance(one, Source) and (
            (site.kind in ("hugo", "zola") and has_sections and not one.folders)
            or (site.kind == "pelican" and one.place.parts[0] == "pages")
        ):
            one = replace(one, is_page=True)
        yield one


def _import(
    site: Site,
    source: Source,
    folder: Path,
    zone: tzinfo,
    names: Mapping[str, str],
    holders: dict[str, Path],
    *,
    only_tell: bool,
) -> Outcome:
    def find_post(reference: str) -> str | None:
        reference = normalize("NFC", reference)
        beside = normalize("NFC", posixpath.normpath(f"{source.place.parent}/{reference}"))
        return next((names[n] for n in (beside, *_list_names(reference)) if n in names), None)

    converted = convert_fields(site, source, zone)
    body = BodyConverter(site.kind, source.body, source.body_line, find_post)
    media = MediaFinder(site, source)
    text = media.rewrite(body.convert())
    fields = dict(converted.fields)
    if "image" in fields:
        fields["image"] = media.rename(fields["image"])
    aliases = fields.get("aliases", [])
    lost = [one for one in aliases if _take(holders, one, source) != source.path]
    if kept := [one for one in aliases if one not in lost]:
        fields["aliases"] = kept
    else:
        fields.pop("aliases", None)
    others = (f"left out: the old address {one}, which another post has" for one in lost)
    name = _name_file(source.id)
    place = PurePosixPath(f"{name}/index.md" if media.found else f"{name}.md")
    if read_place(place).id != source.id:
        fields["slug"] = source.id  # a name that looks like a date, or is too long for a file
    content = write_post(fields, text)
    target = folder / place
    reading = read_post(target, place, content.encode(), zone)
    if reading.post is None:
        reasons = tuple(f"{fault.found}, expected {fault.expected}" for fault in reading.faults)
        return Outcome(source.path, "left out", None, reasons)
    hints = (f"{hint.found}, expected {hint.expected}" for hint in reading.post.hints)
    missing = (f"the file {address} is not there" for address in media.missing)
    notes = (*source.notes, *converted.notes, *others, *body.notes, *missing, *hints)
    if not only_tell:
        try:
            _write(target, content, media.found)
        except OSError as error:
            reason = f"{target} cannot be written ({error.strerror})"
            return Outcome(source.path, "left out", None, (reason,))
    return Outcome(source.path, "imported", target, notes, frozenset(media.found))


def _write(target: Path, content: str, media: Mapping[Path, str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=not media)
    # The post comes last: a blog that runs meanwhile never shows it without its pictures.
    for path, name in media.items():
        shutil.copyfile(path, target.parent / name)
    with target.open("x", encoding="utf-8") as file:
        file.write(content)


def _take(holders: dict[str, Path], address: str, source: Source) -> Path:
    """Give an address to a post unless another has it; return the post that has it."""
    return holders.setdefault(write_alias_key(address), source.path)


def _name_file(post_id: str) -> str:
    """Return an id as the name of a file, which may have to be shorter."""
    return post_id.encode()[:MAX_NAME_BYTES].decode(errors="ignore")


def _name_all(sources: Iterable[Source]) -> dict[str, str]:
    """Return the id of each post by every name that a link to it may have."""
    names: dict[str, str] = {}
    for source in sources:
        place = normalize("NFC", str(source.place))
        for name in (place, *_list_names(place), source.id):
            names.setdefault(name, source.id)
    return names


def _list_names(reference: str) -> Iterator[str]:
    """Yield a path's shorter forms: without its folders, without its suffix, of a bundle."""
    path = PurePosixPath(reference.strip("/") or ".")
    if path.stem == "index":
        path = path.parent
    bare = path.with_suffix("") if path.suffix.lower() in MARKDOWN_SUFFIXES else path
    yield from (str(path), str(bare), path.name, bare.name)
    yield f"_posts/{bare}"
