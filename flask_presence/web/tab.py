"""An open page: the owner of a stream, which counts for its address and for its reader."""

from __future__ import annotations

from ..streams.observer import Ending
from ..streams.stream import Stream
from .gate import Gate, Places
from .identity import Identity
from .readers import Readers


class Tab:
    """One open page of a reader. It counts in the gate, and as present where it has a key."""

    __slots__ = ("_gate", "_places", "_readers", "first_came", "identity", "ref")

    def __init__(self, gate: Gate, places: Places, readers: Readers, identity: Identity) -> None:
        self._gate = gate
        self._places = places
        self._readers = readers
        self.identity = identity
        self.ref = ""
        # Who was asked to come back opens nothing: a reader with four tabs does so at each link.
        self.first_came = readers.find_return(identity.key, identity.prev_ref)

    @property
    def event_id(self) -> str:
        """What it says, as Last-Event-ID, when it comes back; "" where it is not counted."""
        token = self.identity.token
        return f"{self.ref}.{token}" if token and self.ref else self.ref

    def may_open(self) -> bool:
        """Tell whether its address may open another stream now."""
        return self.first_came is not None or self._gate.may_open(self._places)

    def arrive(self, stream: Stream) -> None:
        """Count it from now on."""
        self._gate.enter(self._places, returns=self.first_came is not None)
        key, _, prev_ref, _ = self.identity
        if key:
            self.ref = self._readers.arrive(stream, key, prev_ref, self.first_came)

    def leave(self, stream: Stream, ending: Ending) -> None:
        """Count it no more, or only until it should be back."""
        self._gate.leave(self._places)
        if self.ref:
            self._readers.depart(stream, self.identity.key, self.ref, ending)
