"""One open response, whatever transport carries it.

Its life, in order: a `Transport` finds that it can carry the request and makes the stream
(`accept`); `Hub.open` counts it and tells its owner (`arrive`); `begin` sends the head of the
response and the first frame. From then on `offer` and `ping` send, until `end` is called: by the
transport if the client is gone or no longer reads, by the hub if the stream is old or the worker
stops, by the owner if its tab is to stay away. `end` tells the hub and the owner.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from . import returns
from .event import encode_event
from .observer import Ending, StreamObserver
from .turns import Turns

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Request", "Stream"]

S = TypeVar("S", bound="Stream")

# The path of streams, and the most that the head of a request for one may have.
PATH = "/live"
MAX_HEAD_BYTES = 8192


class Request(NamedTuple):
    """A request for a stream, with the headers of its response."""

    environ: WSGIEnvironment
    start_response: StartResponse
    headers: list[tuple[str, str]]


class Owner(Protocol):
    """The owner of a stream. `arrive` is called before its first frame, `leave` once at its end."""

    @property
    def event_id(self) -> str:
        """The Last-Event-ID that its tab sends when it comes back."""

    def arrive(self, stream: Stream) -> None:
        """Note that the stream counts from now on."""

    def leave(self, stream: Stream, ending: Ending) -> None:
        """Note that it has ended. Must not wait."""


class StreamHub(Protocol):
    """The hub, as its streams and its transports see it."""

    observer: StreamObserver
    ping: bytes

    def now(self) -> float:
        """Return the hub's time, in seconds."""

    def greet(self, stream: Stream) -> bytes:
        """Return a stream's first bytes."""

    def newest(self, page: str) -> bytes:
        """Return the frame that was last sent to a page."""

    def forget(self, stream: Stream, ending: Ending) -> None:
        """Take out a stream that has ended."""


class Group(ABC, Generic[S]):
    """The streams of one page on one transport, which get each frame together."""

    __slots__ = ("hub", "page")

    def __init__(self, hub: StreamHub, page: str) -> None:
        self.hub = hub
        self.page = page

    @abstractmethod
    def add(self, stream: S) -> None:
        """Take a stream in."""

    @abstractmethod
    def discard(self, stream: S) -> None:
        """Take a stream out."""

    @abstractmethod
    def __iter__(self) -> Iterator[S]: ...

    @abstractmethod
    def send(self, chunk: bytes, turns: Turns, *, skip: Collection[Stream] = ()) -> None:
        """Send a frame, or the ping, to all but a few, in slices; tell the observer of frames."""


class Stream(ABC):
    """One open response of a group's page. There are thousands: no closure, event or timer each."""

    __slots__ = ("group", "is_open", "owner", "rotate_at")

    group: Group[Any]

    def __init__(self, owner: Owner, rotate_at: float) -> None:
        self.owner = owner
        self.rotate_at = rotate_at
        self.is_open = True

    @property
    def page(self) -> str:
        """The page that it belongs to."""
        return self.group.page

    @abstractmethod
    def begin(self, request: Request) -> Iterable[bytes]:
        """Send the head of the response and the first frame; return what the server is to send.

        Raises `StopIteration` if the server is to send nothing: gunicorn then ends the request
        silently.
        """

    @abstractmethod
    def offer(self, frame: bytes) -> None:
        """Have a frame sent and tell the observer; it replaces one that still waits."""

    @abstractmethod
    def _say_last(self, goodbye: bytes | None) -> None:
        """Send the given bytes last of all and finish the response; never wait."""

    def rotate(self) -> None:
        """End it and ask its tab to come back at once: an open tab does, a frozen one cannot."""
        retry_ms = returns.choose(returns.ROTATE_RETRY_MS)
        goodbye = encode_event("", event="rotate", retry_ms=retry_ms)
        self.end(goodbye, ending=Ending.RETURNS)

    def end(self, goodbye: bytes | None = None, *, ending: Ending = Ending.CLOSED) -> None:
        """End it: the only way to end a stream; idempotent. `goodbye` is sent last.

        May be called from anywhere in the worker, even from watchers' callbacks; never waits.
        """
        if not self.is_open:
            return
        self.is_open = False
        self.group.hub.forget(self, ending)
        self._say_last(goodbye)
        self.owner.leave(self, ending)


class Transport(ABC):
    """A way to carry streams. A hub asks its transports in order which one can."""

    @abstractmethod
    def can_carry(self, environ: WSGIEnvironment) -> bool:
        """Tell whether it can carry the response to this request."""

    @abstractmethod
    def accept(self, request: Request, owner: Owner, rotate_at: float) -> Stream:
        """Make a stream, of which nothing is sent yet. A failure here leaves nothing behind."""

    @abstractmethod
    def make_group(self, hub: StreamHub, page: str) -> Group[Any]:
        """Make the group of a page's streams, empty."""

    @abstractmethod
    def look_after(self, now: float, stall_seconds: float) -> None:
        """Give up the streams that took nothing for so long. Called from time to time."""

    @property
    def socket_count(self) -> int:
        """How many sockets it holds that the server knows nothing of."""
        return 0

    @abstractmethod
    def start(self) -> None:
        """Begin. Called in the process, and the thread, that serves. Idempotent."""

    @abstractmethod
    def close(self) -> None:
        """End every stream that is left, after a last chance to take its goodbye. Idempotent."""
