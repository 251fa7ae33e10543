"""The index as a file: one SQLite database with an FTS5 table, shared by a site's workers."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from blog.posts.model import Post
from blog.posts.tags import fold_tag
from blog.search.plain import drop_controls, read_plain
from blog.search.query import Query, join_signs, separate_signs

# Another number makes every existing index new. Change it with anything that is stored.
SCHEMA_VERSION = 3
SCHEMA = """
-- The newer a post, the higher its number: in this order FTS5 finds without sorting.
CREATE TABLE post (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
                   year INTEGER);
CREATE TABLE tag (tag TEXT, number INTEGER, PRIMARY KEY (tag, number)) WITHOUT ROWID;
CREATE INDEX tag_number ON tag (number);
CREATE VIRTUAL TABLE words USING fts5(title, description, tags, body,
                                      tokenize = "unicode61 remove_diacritics 2",
                                      prefix = "2 3");
-- How much a word counts in each column.
INSERT INTO words(words, rank) VALUES ('rank', 'bm25(10.0, 4.0, 6.0, 1.0)');
"""
# A writer of another worker holds the file for one batch, some milliseconds.
BUSY_SECONDS = 5.0
# Of more posts, "best" means little and costs much (10,000 posts with five common words: 70 ms,
# measured with SQLite 3.40): those with the words in title or tags come first, then the newest.
MAX_RANKED = 2000
# A number has the seconds of the post's date above so many bits, which keep equal dates apart.
TIE_BITS = 16
# Which posts are meant: `tag` is "" and `year` NULL where they do not matter.
MEANT = """ FROM words WHERE words MATCH :words
AND (:tag = '' OR rowid IN (SELECT number FROM tag WHERE tag = :tag))
AND (:year IS NULL OR rowid IN (SELECT number FROM post WHERE year = :year))"""
COUNT_ALL = "SELECT count(*) FROM words WHERE words MATCH :words"
COUNT = "SELECT count(*)" + MEANT
PAGE = " LIMIT :limit OFFSET :offset"
# Only the number: an excerpt here would be made of every post before they are sorted.
BEST = "SELECT rowid" + MEANT + " ORDER BY rank" + PAGE
NEWEST = "SELECT rowid" + MEANT + " ORDER BY rowid DESC" + PAGE
NOT_TITLED = " AND rowid NOT IN (SELECT rowid FROM words WHERE words MATCH :title_words)"
NEWEST_OTHERS = "SELECT rowid" + MEANT + NOT_TITLED + " ORDER BY rowid DESC" + PAGE
# An excerpt has 30 words. Without the plus, FTS5 looks for all the words once for each number, and
# a word's beginning costs 3 ms each time (10,000 posts, SQLite 3.40).
DESCRIBE = """SELECT rowid, (SELECT id FROM post WHERE number = words.rowid),
    highlight(words, 0, :open, :close), highlight(words, 1, :open, :close),
    snippet(words, 3, :open, :close, '…', 30)
    FROM words WHERE words MATCH :words AND +rowid IN (SELECT value FROM json_each(:numbers))"""
# What FTS5 puts around a word that was found; no text has them (see plain.py).
_OPEN, _CLOSE = "\x02", "\x03"
_MARKED = re.compile(f"({_OPEN}[^{_CLOSE}]*{_CLOSE})")

# Pieces of a text in order, each with whether it was looked for.
Segments = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One post that was found; `excerpt` is from its text, or its description."""

    id: str
    title: Segments
    excerpt: Segments


@dataclass(frozen=True, slots=True)
class Found:
    """What a query found: how many in all, and the asked ones, the best first.

    `is_complete` is false while posts may be missing, because the index is being made.
    """

    total: int = 0
    hits: tuple[Hit, ...] = ()
    is_complete: bool = False


class Index:
    """One connection to the index. Used by one thread at a time; any number may be open."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            # Losing it in a crash of the machine does no harm: it can be made again.
            self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")
        except sqlite3.Error:  # a folder that is read-only, or a file that is no database
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def prepare(self) -> None:
        """Make the tables, if they are not there or those of another version."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            (version,) = run("PRAGMA user_version").fetchone()
            if version != SCHEMA_VERSION:
                for name in ("words", "tag", "post"):
                    run(f"DROP TABLE IF EXISTS {name}")
                for statement in SCHEMA.split(";\n"):
                    run(statement)
                run(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")

    def list_changes(self, posts: Iterable[Post]) -> tuple[list[Post], list[str]]:
        """Return the posts that are not there as they are, and the ids of those that are gone."""
        known: dict[str, str] = dict(self._connection.execute("SELECT id, state FROM post"))
        wanted = {post.id: post for post in posts}
        changed = [post for post in wanted.values() if known.get(post.id) != name_state(post)]
        return changed, [post_id for post_id in known if post_id not in wanted]

    def change(self, posts: Sequence[Post], gone: Sequence[str] = ()) -> None:
        """Put posts in as they are now, and take others out, in one transaction."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            for post_id in gone:
                self._remove(post_id)
            for post in posts:
                self._put(post)
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")

    def _put(self, post: Post) -> None:
        run = self._connection.execute
        state = name_state(post)
        held = run("SELECT state FROM post WHERE id = ?", (post.id,)).fetchone()
        # Another worker was here between our reading and our turn.
        if held is not None and held[0] == state:
            return
        self._remove(post.id)
        year = post.date.year if post.date else None
        number = self._choose_number(post)
        run("INSERT INTO post VALUES (?, ?, ?, ?)", (number, post.id, state, year))
        # Folded: the spelling depends on other posts, too.
        for tag in {fold_tag(tag) for tag in post.tags}:
            run("INSERT INTO tag VALUES (?, ?)", (tag, number))
        texts = [
            separate_signs(text)
            for text in (
                drop_controls(post.title),
                drop_controls(post.description),
                drop_controls(" · ".join(post.tags)),
                read_plain(post.body),
            )
        ]
        run(
            "INSERT INTO words (rowid, title, description, tags, body) VALUES (?, ?, ?, ?, ?)",
            (number, *texts),
        )

    def _choose_number(self, post: Post) -> int:
        moment = max(0, int(post.date.timestamp())) if post.date else 0
        tie = int.from_bytes(blake2b(post.id.encode(), digest_size=2).digest())
        number = (moment << TIE_BITS) + tie
        while self._connection.execute("SELECT 1 FROM post WHERE number = ?", (number,)).fetchone():
            number += 1
        return number

    def _remove(self, post_id: str) -> None:
        run = self._connection.execute
        held = run("SELECT number FROM post WHERE id = ?", (post_id,)).fetchone()
        if held is not None:
            run("DELETE FROM words WHERE rowid = ?", held)
            run("DELETE FROM tag WHERE number = ?", held)
            run("DELETE FROM post WHERE number = ?", held)

    def find(
        self, query: Query, *, tag: str, year: int | None, offset: int, limit: int
    ) -> tuple[int, list[Hit]]:
        """Return how many posts have every term, and some of them, the best first."""
        run = self._connection.execute
        asked = {"words": query.expression, "tag": fold_tag(tag), "year": year}
        # One snapshot for all, while another worker may be writing.
        run("BEGIN")
        try:
            (total,) = run(COUNT, asked).fetchone()
            # FTS5 ranks before it looks at tag and year.
            (to_rank,) = run(COUNT_ALL, asked).fetchone()
            if to_rank <= MAX_RANKED:
                ranked = run(BEST, {**asked, "limit": limit, "offset": offset}).fetchall()
            else:
                ranked = self._list_newest(asked, offset, limit)
            hits = self._describe(query, [number for (number,) in ranked])
        finally:
            run("COMMIT")
        return total, hits

    def _list_newest(self, asked: dict[str, Any], offset: int, limit: int) -> list[tuple[int]]:
        """List what has the words in its title or tags, then all others, the newest first."""
        run = self._connection.execute
        title_words = f"{{title tags}} : ({asked['words']})"
        titled = {**asked, "words": title_words}
        (count,) = run(COUNT, titled).fetchone()
        found = run(NEWEST, {**titled, "limit": limit, "offset": offset}).fetchall()
        if len(found) < limit:
            place = {"limit": limit - len(found), "offset": max(0, offset - count)}
            found += run(NEWEST_OTHERS, {**asked, **place, "title_words": title_words})
        return found

    def _describe(self, query: Query, numbers: list[int]) -> list[Hit]:
        asked = {"words": query.expression, "numbers": json.dumps(numbers)}
        hits: dict[int, Hit] = {}
        for number, post_id, title, description, text in self._connection.execute(
            DESCRIBE, {**asked, "open": _OPEN, "close": _CLOSE}
        ):
            # Where the words are in the title or the tags only, the description says most.
            excerpt = text if _OPEN in text or not description else description
            hits[number] = Hit(post_id, divide(title), divide(excerpt))
        return [hits[number] for number in numbers]


def name_state(post: Post) -> str:
    """Return what differs whenever something differs that is stored of a post."""
    return f"{post.fingerprint} {post.date.isoformat() if post.date else ''}"


def divide(marked: str) -> Segments:
    """Divide a text into what was looked for and what was not."""
    pieces = (piece for piece in _MARKED.split(join_signs(marked)) if piece)
    return tuple((piece.strip(_OPEN + _CLOSE), piece[0] == _OPEN) for piece in pieces)


def remove(path: Path) -> None:
    """Take an index off the disk."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def is_usable(path: Path) -> bool:
    """Tell whether an index can be kept at a place; makes its tables there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(Index(path)) as index:
            index.prepare()
    except (OSError, sqlite3.OperationalError):
        return False
    except sqlite3.DatabaseError:  # no database, or a broken one
        remove(path)
        with closing(Index(path)) as index:
            index.prepare()
    return True
