"""See every worker's slot without being a worker: for a command line, say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .replica import Replica
from .store import Store
from .values import Presence


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A live worker, the rest of its lease, and the presences of its slot that are shown."""

    name: str
    lease_ms: int
    presences: tuple[Presence, ...]


class Inspector:
    """Read the store whenever asked. It has no slot and changes nothing: no worker sees it.

    `replica` holds what it read last, and counts as the workers do.
    """

    def __init__(self, store: Store, indexes: Sequence[str] = ()) -> None:
        self._store = store
        self.replica = Replica(indexes)

    def inspect(self) -> list[SeenWorker]:
        """Return every live worker; slots that did not change are not fetched again.

        Raises what a store raises, and `ValueError` for a slot of another form.
        """
        digest = self._store.digest(forgets=False)
        alive = {name: said for name, said in sorted(digest.items()) if said.alive}
        for name in self.replica.workers():
            if name not in alive:
                self.replica.drop(name)
        for name, said in alive.items():
            if self.replica.version(name) != said.version:
                slot = self._store.fetch(name)
                if slot is None:  # it is gone, and its worker is about to put it back
                    self.replica.drop(name)
                else:
                    self.replica.replace(name, *slot)
        return [
            SeenWorker(name, said.left_ms or 0, self.replica.shown(name))
            for name, said in alive.items()
        ]
