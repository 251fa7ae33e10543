"""Tags that differ only by case are one tag, written in one way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from blog.posts.model import Post


def fold_tag(tag: str) -> str:
    """Return what two spellings of one tag have in common."""
    return tag.casefold()


def spell_tags_alike(posts: Sequence[Post], newest_first: Iterable[Post]) -> Sequence[Post]:
    """Return the posts, each tag spelled as most of them spell it; among equals as the newest."""
    counts = Counter(tag for post in newest_first for tag in dict.fromkeys(post.tags))
    chosen: dict[str, str] = {}
    for tag, _ in counts.most_common():
        chosen.setdefault(fold_tag(tag), tag)
    if len(chosen) == len(counts):
        return posts
    return [_respell(post, chosen) for post in posts]


def _respell(post: Post, chosen: dict[str, str]) -> Post:
    tags = tuple(dict.fromkeys(chosen[fold_tag(tag)] for tag in post.tags))
    return post if tags == post.tags else replace(post, tags=tags)
