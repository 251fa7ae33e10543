"""A cache of what clients send again and again, bounded in bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

# Browsers' own headers are shorter. Longer ones are made on purpose, and may have up to 8 KB in
# each of many fields.
MAX_CHARACTERS = 200


def cache_short(max_entries: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """Decorate a function of one text with an LRU cache that holds no text of over 200 characters.

    So a cache of n entries holds 200 n characters at most, and what was made of them, whatever
    clients send; `functools.lru_cache` alone is bounded in entries only.
    """

    def decorate(function: Callable[[str], T]) -> Callable[[str], T]:
        cached = lru_cache(max_entries)(function)

        def call(text: str) -> T:
            return cached(text) if len(text) <= MAX_CHARACTERS else function(text)

        return call

    return decorate
