"""How many presences and how many distinct keys there are: in all, and by value of an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# What can be the value of an index.
SCALARS = (str, int, float, bool, type(None))


@dataclass(slots=True)
class _Counter:
    """The presences that share one value: how many, and how many of each key."""

    presences: int = 0
    by_key: dict[str, int] = field(default_factory=dict)


class Counters:
    """The counts of each topic; `indexes` are the fields of the meta by which one can count.

    O(1) to change and read. All reading methods raise `ValueError` for a field that is not an
    index.
    """

    def __init__(self, indexes: Sequence[str]) -> None:
        self._indexes = tuple(indexes)
        # By topic and index (none: ""), then by value.
        self._counters: dict[tuple[str, str], dict[object, _Counter]] = {}

    def add(self, topic: str, key: str, meta: Mapping[str, Any], change: int) -> None:
        """Count one presence in (`change` 1) or out (-1)."""
        places: list[tuple[tuple[str, str], object]] = [((topic, ""), None)]
        # Another program may have written anything here; only scalars can be index values.
        places += [
            ((topic, name), meta[name])
            for name in self._indexes
            if name in meta and isinstance(meta[name], SCALARS)
        ]
        for index, value in places:
            counters = self._counters.setdefault(index, {})
            counter = counters.get(value)
            if counter is None:
                counter = counters[value] = _Counter()
            counter.presences += change
            count = counter.by_key[key] = counter.by_key.get(key, 0) + change
            if not count:
                del counter.by_key[key]
            if not counter.presences:
                del counters[value]
                if not counters:
                    del self._counters[index]

    def count(self, topic: str, where: Mapping[str, object], *, distinct: bool) -> int:
        """Count a topic's presences, or their distinct keys; `where` names at most one index."""
        if len(where) > 1:
            raise ValueError(f"found {len(where)} fields to count by, expected one or none")
        name, value = next(iter(where.items()), ("", None))
        if where:
            self._check(name)
        counter = self._counters.get((topic, name), {}).get(value)
        if counter is None:
            return 0
        return len(counter.by_key) if distinct else counter.presences

    def counts(self, topic: str, index: str, *, distinct: bool) -> dict[Any, int]:
        """Count likewise for every value of an index that has presences: value → count."""
        self._check(index)
        counters = self._counters.get((topic, index), {})
        return {
            value: len(counter.by_key) if distinct else counter.presences
            for value, counter in counters.items()
        }

    def _check(self, name: str) -> None:
        if name not in self._indexes:
            known = ", ".join(self._indexes) or "none"
            raise ValueError(f"found {name!r} to count by, expected an index ({known})")
