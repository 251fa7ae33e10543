"""Finding posts by their words: an index in SQLite that is made in the background."""

from blog.search.query import MAX_QUERY_CHARS, Query, read_query
from blog.search.search import CannotSearchError, Search, page_name
from blog.search.store import Found, Hit, Segments

__all__ = [
    "MAX_QUERY_CHARS",
    "CannotSearchError",
    "Found",
    "Hit",
    "Query",
    "Search",
    "Segments",
    "page_name",
    "read_query",
]
