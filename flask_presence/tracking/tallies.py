"""How many presences there are, and how many distinct keys: in all, and by value of an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Place = tuple[str, str]


class _Tally:
    """How many presences and how many distinct keys share one value. O(1) to change and read."""

    __slots__ = ("by_key", "presences")

    def __init__(self) -> None:
        self.presences = 0
        self.by_key: dict[str, int] = {}

    def add(self, key: str, change: int) -> None:
        self.presences += change
        count = self.by_key.get(key, 0) + change
        if count:
            self.by_key[key] = count
        else:
            del self.by_key[key]

    def count(self, *, distinct: bool) -> int:
        return len(self.by_key) if distinct else self.presences


class Tallies:
    """The counts of each topic. `indexes` are the fields of the meta by which can be counted.

    O(1) to change and read. All reading raises `ValueError` for a field that is no index.
    """

    def __init__(self, indexes: Sequence[str]) -> None:
        self._indexes = tuple(indexes)
        # By topic and index (none: ""), then by value.
        self._tallies: dict[Place, dict[object, _Tally]] = {}

    def add(self, topic: str, key: str, meta: Mapping[str, Any], change: int) -> None:
        """Count one presence in (`change` 1) or out (-1)."""
        self._add((topic, ""), None, key, change)
        for name in self._indexes:
            value = meta.get(name)
            # Another program may have written anything; only a scalar can be counted by.
            if name in meta and isinstance(value, str | int | float | bool | None):
                self._add((topic, name), value, key, change)

    def count(self, topic: str, where: Mapping[str, object], *, distinct: bool) -> int:
        """Count a topic's presences, or their distinct keys; `where` names at most one index."""
        if len(where) > 1:
            raise ValueError(f"found {len(where)} fields to count by, expected one or none")
        name, value = next(iter(where.items()), ("", None))
        if where:
            self._check(name)
        tally = self._tallies.get((topic, name), {}).get(value)
        return tally.count(distinct=distinct) if tally is not None else 0

    def counts(self, topic: str, index: str, *, distinct: bool) -> dict[Any, int]:
        """Count so for every value of an index that has presences: value → count."""
        self._check(index)
        tallies = self._tallies.get((topic, index), {})
        return {value: tally.count(distinct=distinct) for value, tally in tallies.items()}

    def _check(self, name: str) -> None:
        if name not in self._indexes:
            known = ", ".join(self._indexes) or "none"
            raise ValueError(f"found {name!r} to count by, expected an index ({known})")

    def _add(self, place: Place, value: object, key: str, change: int) -> None:
        tallies = self._tallies.get(place)
        if tallies is None:
            tallies = self._tallies[place] = {}
        tally = tallies.get(value)
        if tally is None:
            tally = tallies[value] = _Tally()
        tally.add(key, change)
        if not tally.presences:
            del tallies[value]
            if not tallies:
                del self._tallies[place]
