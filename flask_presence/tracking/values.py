"""The values that everything here is about: a presence, a slot's version, a diff. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self


@dataclass(frozen=True, slots=True)
class Presence:
    """One tracked thing: what Phoenix calls a meta with its ref.

    `ref` is unique over all workers. `prev_ref` is the ref it had before its last update, or
    before it came back: here or at another worker.
    """

    ref: str
    topic: str
    key: str
    meta: Mapping[str, Any]
    prev_ref: str | None = None

    def as_meta(self) -> dict[str, Any]:
        """Return the meta as `list` shows it: with its `ref`, and `prev_ref` after an update."""
        refs = {"ref": self.ref}
        if self.prev_ref is not None:
            refs["prev_ref"] = self.prev_ref
        return {**self.meta, **refs}


def read_arrival(meta: Mapping[str, Any], otherwise: int) -> int:
    """Return when a tab first came, in milliseconds, by its meta's `joined_at`.

    Any program that writes to Redis may have put anything there.
    """
    joined_at = meta.get("joined_at")
    return joined_at if type(joined_at) is int else otherwise


@dataclass(frozen=True, slots=True)
class Tombstone(Presence):
    """Never shown: as its `prev_ref` it names a presence that came back and has left for good.

    The named presence's old slot may outlast the presence that it came back as.
    """


class Version(NamedTuple):
    """The version of a slot: `seq` grows within an `epoch`; a put begins a new epoch."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `epoch.seq`. Raises `ValueError` for anything else."""
        epoch, separator, seq = text.rpartition(".")
        if not separator or not epoch:
            raise ValueError(f"found {text[:100]!r} as a slot's version, expected epoch.seq")
        return cls(epoch, int(seq))


@dataclass(frozen=True, slots=True)
class Diff:
    """A change: an older list, with leaves removed by ref and joins added, is the newer one."""

    joins: tuple[Presence, ...] = ()
    leaves: tuple[Presence, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.joins or self.leaves)

    def __add__(self, later: Diff) -> Diff:
        """Return one diff for both, without what joined in the first and left in the second.

        Order matters: `self` came first.
        """
        left = {presence.ref for presence in later.leaves}
        joined = {presence.ref for presence in self.joins}
        return Diff(
            tuple(p for p in self.joins if p.ref not in left) + later.joins,
            self.leaves + tuple(p for p in later.leaves if p.ref not in joined),
        )

    def topics(self) -> set[str]:
        """Return the topics that changed."""
        return {presence.topic for presence in (*self.joins, *self.leaves)}

    def only(self, topic: str) -> Diff:
        """Return the part of this diff that is of one topic."""
        return Diff(
            tuple(p for p in self.joins if p.topic == topic),
            tuple(p for p in self.leaves if p.topic == topic),
        )

    def as_lists(self) -> dict[str, dict[str, Any]]:
        """Return `{"joins": list, "leaves": list}`, each in the form that `Tracker.list` has."""
        return {"joins": group_by_key(self.joins), "leaves": group_by_key(self.leaves)}


def group_by_key(presences: Iterable[Presence]) -> dict[str, Any]:
    """Group presences as `Tracker.list` shows them: `{key: {"metas": [meta, …]}}`."""
    keys: dict[str, Any] = {}
    for presence in presences:
        keys.setdefault(presence.key, {"metas": []})["metas"].append(presence.as_meta())
    return keys
