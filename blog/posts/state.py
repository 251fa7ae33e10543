"""One frozen state of a library."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

from blog.posts.addresses import (
    POSTS_ROOT,
    file_path,
    post_path,
    read_media_name,
    write_alias_key,
)
from blog.posts.model import Fault, Post, State
from blog.posts.names import is_bundle
from blog.posts.tags import spell_tags_alike


@dataclass(frozen=True, slots=True)
class SeriesPlace:
    """Where a post stands in its series: `number` counts from 1, `posts` has the oldest first."""

    name: str
    posts: tuple[Post, ...]
    number: int

    @property
    def previous(self) -> Post | None:
        return self.posts[self.number - 2] if self.number > 1 else None

    @property
    def next(self) -> Post | None:
        return self.posts[self.number] if self.number < len(self.posts) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Every post of a folder at one moment.

    `posts`, `by_id`, `series` and `aliases` have the published posts only: the newest
    first, those without a date last, ties by id; a series has its oldest first. `hidden` has all
    others by id, for previews and for the author. `version` differs exactly if a file differs or
    a post's state does, and is the same in every worker; of pictures and other media their names
    and sizes are looked at: `media` has each by its path, and by the same in the composed form of
    Unicode. At `next_change` a post appears or goes; None if none ever will.
    """

    posts: tuple[Post, ...] = ()
    by_id: Mapping[str, Post] = field(default_factory=dict)
    series: Mapping[str, tuple[Post, ...]] = field(default_factory=dict)
    aliases: Mapping[str, Post] = field(default_factory=dict)
    drafts: tuple[Post, ...] = ()
    scheduled: tuple[Post, ...] = ()
    expired: tuple[Post, ...] = ()
    hidden: Mapping[str, Post] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    media: Mapping[Path, Path] = field(default_factory=dict)
    hidden_folders: Collection[Path] = frozenset()
    media_version: str = ""
    version: str = ""
    next_change: datetime | None = None

    def all(self) -> list[Post]:
        """Return the published posts, and then the hidden ones."""
        return [*self.posts, *self.hidden.values()]

    def find_alias(self, path: str) -> Post | None:
        """Return the post whose old address a request's path is."""
        return self.aliases.get(write_alias_key(path))

    def find_media(self, post: Post, name: str) -> Path | None:
        """Return the file beside a post that a request names; no file system is asked.

        A folder that is a hidden post's own is hidden with it, from every other post.
        """
        asked = Path(os.path.normpath(post.path.parent / read_media_name(name)))
        path = self.media.get(asked) or self.media.get(_compose(asked))
        if path is None:
            return None
        is_hidden = any(
            folder in self.hidden_folders and not post.path.is_relative_to(folder)
            for folder in path.parents
        )
        return None if is_hidden else path

    def find_series(self, post: Post) -> SeriesPlace | None:
        """Return a published post's place in its series; None for a post in none."""
        posts = self.series.get(post.series, ())
        numbers = (number for number, part in enumerate(posts, 1) if part is post)
        number = next(numbers, None)
        return SeriesPlace(post.series, posts, number) if number else None


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where texts are: their folder, and what their addresses begin with."""

    folder: Path | None = None
    root: str = POSTS_ROOT


def build_index(
    posts: Iterable[Post],
    faults: Iterable[Fault],
    now: datetime,
    media: Mapping[Path, int] = MappingProxyType({}),
    shelf: Shelf = Shelf(),
) -> Index:
    """Put posts in order; of two with one id, the second by path is left out, with a fault.

    `media` has the size of each file beside the posts. With their folder, each post is also found
    by its file's path in there. Tags that differ only by case become one.
    """
    posts, clashes = _settle_ids(posts)
    posts = spell_tags_alike(posts, sorted(posts, key=_newest_first))
    old_addresses, alias_clashes = _settle_aliases(posts, shelf.root)
    by_state: dict[State, list[Post]] = {
        "published": [],
        "draft": [],
        "scheduled": [],
        "expired": [],
    }
    for post in sorted(posts, key=_newest_first):
        by_state[post.state_at(now)].append(post)
    published = by_state.pop("published")
    hidden = {post.id: post for some in by_state.values() for post in some}
    faults = tuple(sorted([*faults, *clashes, *alias_clashes]))
    media_version = _make_version(f"{path}\0{media[path]}" for path in sorted(media))
    states = (f"{post.path}\0{post.fingerprint}\0{post.state_at(now)}" for post in posts)
    changes = (moment for post in posts for moment in (post.date, post.expires) if not post.draft)
    return Index(
        posts=tuple(published),
        by_id={post.id: post for post in published},
        series=_group((p.series, p) for p in sorted(published, key=_oldest_first) if p.series),
        aliases={
            key: post
            for key, post in [*_list_files(posts, shelf), *old_addresses.items()]
            if post.id not in hidden
        },
        drafts=tuple(by_state["draft"]),
        scheduled=tuple(by_state["scheduled"]),
        expired=tuple(by_state["expired"]),
        hidden=hidden,
        faults=faults,
        media={**{_compose(path): path for path in media}, **{path: path for path in media}},
        hidden_folders=_find_own_folders(hidden.values(), published),
        media_version=media_version,
        version=_make_version([*states, *map(str, faults), media_version]),
        next_change=min((m for m in changes if m is not None and m > now), default=None),
    )


def _settle_ids(posts: Iterable[Post]) -> tuple[list[Post], list[Fault]]:
    holders: dict[str, Post] = {}
    clashes: list[Fault] = []
    for post in sorted(posts, key=lambda post: post.path.parts):
        holder = holders.setdefault(post.id, post)
        if holder is not post:
            clashes.append(
                Fault(
                    post.path,
                    post.line_of("slug"),
                    f"the id {post.id!r}, which {holder.path} has already",
                    "an id of its own",
                    "give one of the two another `slug` or file name",
                )
            )
    return list(holders.values()), clashes


def _settle_aliases(posts: Iterable[Post], root: str) -> tuple[dict[str, Post], list[Fault]]:
    """Give each old address to one post, and never one that is another post's present address."""
    now_there = {write_alias_key(post_path(post.id, root)): post for post in posts}
    holders: dict[str, Post] = {}
    clashes: list[Fault] = []
    for post in posts:
        for alias in post.aliases:
            key = write_alias_key(alias)
            holder = now_there.get(key) or holders.setdefault(key, post)
            if key not in now_there and holder is post:
                continue
            owner = "is the post's own" if holder is post else f"{holder.path} has already"
            clashes.append(
                Fault(
                    post.path,
                    post.line_of("aliases" if "aliases" in post.field_lines else "alias"),
                    f'aliases: found "{alias}", which {owner}',
                    "an address that no post has",
                    "remove it",
                )
            )
    for post in posts:
        key = write_alias_key(post_path(post.former_id, root))
        if post.former_id and key not in now_there:
            holders.setdefault(key, post)
    return holders, clashes


def _compose(path: Path) -> Path:
    """Return a path in the form in which names are compared: macOS decomposes what one types."""
    text = str(path)
    return path if text.isascii() else Path(unicodedata.normalize("NFC", text))


def _list_files(posts: Iterable[Post], shelf: Shelf) -> Iterator[tuple[str, Post]]:
    for post in posts:
        if shelf.folder is not None and post.path.is_relative_to(shelf.folder):
            name = post.path.relative_to(shelf.folder).as_posix()
            yield write_alias_key(file_path(name, shelf.root)), post


def _find_own_folders(hidden: Iterable[Post], published: Iterable[Post]) -> frozenset[Path]:
    """Return the folders of hidden posts (`hello/index.md`) with no published post below them."""
    own = {post.path.parent for post in hidden if is_bundle(post.path.name)}
    return frozenset(own.difference(*(post.path.parents for post in published)) if own else ())


def _group(named: Iterable[tuple[str, Post]]) -> dict[str, tuple[Post, ...]]:
    groups: dict[str, list[Post]] = {}
    for name, post in named:
        groups.setdefault(name, []).append(post)
    return {name: tuple(groups[name]) for name in sorted(groups)}


def _newest_first(post: Post) -> tuple[bool, float, str]:
    return (True, 0.0, post.id) if post.date is None else (False, -post.date.timestamp(), post.id)


def _oldest_first(post: Post) -> tuple[bool, float, str]:
    return (True, 0.0, post.id) if post.date is None else (False, post.date.timestamp(), post.id)


def _make_version(lines: Iterable[str]) -> str:
    version = blake2b(digest_size=12)
    for line in lines:
        version.update(f"{line}\n".encode(errors="replace"))
    return version.hexdigest()
