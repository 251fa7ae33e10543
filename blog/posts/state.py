"""One frozen state of a library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from blog.posts.model import Fault, Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Every post of a folder at one moment.

    `posts`, `by_id` and `tags` have the published posts: the newest first, those without a date
    last, ties by id. `version` differs exactly if a file differs, and is the same in every worker.
    """

    posts: tuple[Post, ...] = ()
    drafts: tuple[Post, ...] = ()
    by_id: Mapping[str, Post] = field(default_factory=dict)
    tags: Mapping[str, tuple[Post, ...]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    version: str = ""


def build_index(posts: Iterable[Post], faults: Iterable[Fault], version: str) -> Index:
    """Put posts in order; of two with one id, the second by path is left out, with a fault."""
    holders: dict[str, Post] = {}
    clashes: list[Fault] = []
    for post in sorted(posts, key=lambda post: post.path):
        holder = holders.setdefault(post.id, post)
        if holder is not post:
            clashes.append(_describe_clash(post, holder.path))
    ordered = sorted(holders.values(), key=_newest_first)
    published = tuple(post for post in ordered if not post.draft)
    tags: dict[str, list[Post]] = {}
    for post in published:
        for tag in dict.fromkeys(post.tags):
            tags.setdefault(tag, []).append(post)
    return Index(
        posts=published,
        drafts=tuple(post for post in ordered if post.draft),
        by_id={post.id: post for post in published},
        tags={tag: tuple(tags[tag]) for tag in sorted(tags)},
        faults=tuple(sorted([*faults, *clashes])),
        version=version,
    )


def _newest_first(post: Post) -> tuple[bool, float, str]:
    return (True, 0.0, post.id) if post.date is None else (False, -post.date.timestamp(), post.id)


def _describe_clash(post: Post, holder: Path) -> Fault:
    return Fault(
        post.path,
        post.id_line,
        f"the id {post.id!r}, which {holder} has already",
        "an id of its own",
        "give one of the two another `slug` or file name",
    )
