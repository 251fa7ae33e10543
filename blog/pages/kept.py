"""Answers that are the same for everyone until the posts change: made once, then kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Response, request

from blog.posts.model import Post

# Feeds of so many tags are kept; beyond, all are forgotten and the asked ones made again.
MAX_KEPT = 200
ETAG_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Kept:
    """One finished body, and of which posts it was made, when."""

    posts: Sequence[Post]
    body: bytes
    etag: str
    made_at: datetime


class KeptAnswers:
    """Finished bodies by key. What was made of other posts than the present ones is never sent."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Kept] = {}

    def answer(
        self,
        key: Hashable,
        posts: Sequence[Post],
        mimetype: str,
        write: Callable[[], bytes],
        now: datetime,
    ) -> Response:
        """Answer the request with what `write` makes of these posts, or with 304.

        `Last-Modified` is when this worker first saw this content, not a date that an author
        wrote: so a post that was mended or taken away is never answered with 304.
        """
        kept = None if request.script_root else self._kept.get(key)
        if kept is None or kept.posts != posts:
            kept = self._make(posts, write(), now)
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            # Below a path of somebody's own, all addresses in it are others than everybody's.
            if not request.script_root:
                self._kept[key] = kept
        response = Response(kept.body, mimetype=mimetype)
        response.set_etag(kept.etag)
        response.last_modified = kept.made_at
        response.make_conditional(request)
        # Set by make_conditional(), and once more by the server.
        response.headers.pop("Date", None)
        return response

    def _make(self, posts: Sequence[Post], body: bytes, now: datetime) -> Kept:
        digest = hashlib.sha256(body).hexdigest()[:ETAG_DIGITS]
        return Kept(posts, body, digest, now.astimezone(UTC))
