"""What can be set of a worker's presence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .redis_address import RedisAddress
from .streams.hub import Limits
from .tracking import Timings

__all__ = ["PresenceSettings", "read_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceSettings:
    """Where presence is agreed on, and what one reader, one address and one worker may have.

    Raises `ValueError` for times that do not fit together; see `Timings`.
    """

    redis_url: str = "redis://127.0.0.1:6379/0"  # "": in this process's own memory
    redis_prefix: str = "presence"
    # Another name, and who has the old one is another reader until the browser is closed.
    cookie_name: str = "presence_reader"
    timings: Timings = field(default_factory=Timings)
    limits: Limits = field(default_factory=Limits)
    linger_seconds: float = 1.0
    pauses_hidden_tabs: bool = False
    # Whether those count who ask for privacy; they see the numbers in any case.
    counts_private: bool = True
    # Whether sockets may be taken over from the server.
    takes_over: bool = True
    max_streams: int = 0  # as many as the open files allow
    max_streams_per_address: int = 200
    max_streams_per_reader: int = 4
    max_opens_per_address: int = 0  # in a minute; any number


def read_settings(read: Callable[[str, str], str]) -> PresenceSettings:
    """Return the settings of `read(name, default)`. Raises `ValueError` for one of no use."""
    plain = PresenceSettings()

    def read_count(name: str, default: int) -> int:
        text = read(name, str(default))
        if not text.isdecimal():
            raise ValueError(f"PRESENCE_{name}: found {text!r}, expected a whole number")
        return int(text)

    url = read("REDIS_URL", "")
    if url:
        try:
            RedisAddress.parse(url)
        except ValueError as error:
            raise ValueError(f"PRESENCE_REDIS_URL: {error}") from None
    return PresenceSettings(
        redis_url=url,
        redis_prefix=read("REDIS_PREFIX", plain.redis_prefix),
        max_streams=read_count("MAX_STREAMS", plain.max_streams),
        max_streams_per_address=read_count(
            "MAX_STREAMS_PER_ADDRESS", plain.max_streams_per_address
        ),
        max_streams_per_reader=read_count("MAX_STREAMS_PER_READER", plain.max_streams_per_reader),
    )
