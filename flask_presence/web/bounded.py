"""Mappings that forget their oldest entries: clients choose their keys."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")

MOST_KEYS = 10_000  # of a reader's presence keys and some numbers, 2 MB


def put_last(entries: dict[K, T], key: K, value: T) -> None:
    """Put an entry in; if there are too many, take out the oldest."""
    entries.pop(key, None)
    entries[key] = value
    if len(entries) > MOST_KEYS:
        del entries[next(iter(entries))]
