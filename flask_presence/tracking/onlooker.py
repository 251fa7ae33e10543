"""See every worker's slot without being a worker: for a command line, say."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .replica import Presence, Version, list_shown
from .store import Store


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A worker that is alive, what is left of its lease, and what of its slot is shown."""

    name: str
    lease_ms: int
    presences: tuple[Presence, ...]


class Onlooker:
    """Look into the store whenever asked. It has no slot and changes nothing: nobody sees it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: dict[str, tuple[Version, tuple[Presence, ...]]] = {}

    def look(self) -> list[SeenWorker]:
        """Return every worker that is alive; slots that did not change are not asked for again.

        Raises what a store raises, and `ValueError` for a slot that is of another form.
        """
        seen = []
        held, self._held = self._held, {}
        for name, said in sorted(self._store.digest(forgets=False).items()):
            slot = held.get(name)
            if not said.alive:
                continue
            if slot is None or slot[0] != said.version:
                slot = self._store.fetch(name)
            if slot is not None:  # else it is gone, and its worker is about to put it back
                self._held[name] = slot
            seen.append(SeenWorker(name, said.left_ms or 0, slot[1] if slot else ()))
        shown = {p.ref for p in list_shown(p for one in seen for p in one.presences)}
        return [
            replace(one, presences=tuple(p for p in one.presences if p.ref in shown))
            for one in seen
        ]
