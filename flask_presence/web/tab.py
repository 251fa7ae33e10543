"""An open page: it owns a stream, and counts for its address and for its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..streams.observer import Ending
from ..streams.stream import Stream
from .gate import Gate, Places
from .identity import Identity
from .own_meta import Meta
from .readers import Readers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Tab:
    """One open page of a reader. It counts in the gate, and as present if it has a key."""

    __slots__ = ("_before", "_gate", "_meta", "_places", "_readers", "identity", "ref", "returns")

    def __init__(self, gate: Gate, places: Places, readers: Readers, identity: Identity) -> None:
        self._gate = gate
        self._places = places
        self._readers = readers
        self.identity = identity
        self.ref = ""
        key, _, prev_ref, _ = identity
        self._before = readers.find_tab(key, prev_ref) if prev_ref is not None else None
        self._meta: Meta | None = None
        # A tab that was asked to come back opens nothing new: with four tabs that happens at each
        # link.
        self.returns = self._before is not None

    @property
    def event_id(self) -> str:
        """The Last-Event-ID that it sends when it comes back; "" if it is not counted."""
        token = self.identity.token
        return f"{self.ref}.{token}" if token and self.ref else self.ref

    @property
    def meta(self) -> Meta | None:
        """What is shown of it while it is open; None if it is not counted."""
        return self._readers.find_tab(self.identity.key, self.ref) if self.ref else None

    def may_open(self) -> bool:
        """Tell whether its address may open another stream now."""
        return self.returns or self._gate.may_open(self._places)

    def choose_meta(self, environ: WSGIEnvironment, page: str) -> None:
        """Choose its meta by the request for its stream."""
        if self.identity.key:
            self._meta = self._readers.make_meta(environ, page, self.identity.key, self._before)

    def arrive(self, stream: Stream) -> None:
        """Count it from now on."""
        self._gate.enter(self._places, returns=self.returns)
        key, _, prev_ref, _ = self.identity
        meta, before = self._meta, self._before
        self._meta = self._before = None
        if before is not None:
            prev_ref = before["ref"]  # the tab does not know that its meta was changed since
        if meta is not None:
            self.ref = self._readers.arrive(stream, key, prev_ref, meta)

    def leave(self, stream: Stream, ending: Ending) -> None:
        """Stop counting it, at once or when it should be back."""
        self._gate.leave(self._places)
        if self.ref:
            self._readers.depart(stream, self.identity.key, self.ref, ending)
