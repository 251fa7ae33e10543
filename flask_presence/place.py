"""Where a running presence is, for commands in another process, and the names that they use for
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .redis_address import embedded_socket

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The Redis of a running application, and what its commands call things.

    `redis_url` is empty where a Valkey is embedded, in `instance_dir`. `stream` is the address of
    some stream without its host; `variables` how the names of the settings begin.
    """

    redis_url: str
    redis_prefix: str
    instance_dir: Path
    stream: str
    max_streams: int = 0
    variables: str = "PRESENCE_"
    program: str = "the application"

    @property
    def running_url(self) -> str:
        """The address for a command: the embedded Valkey's, if it is there; "" if nothing is."""
        path = embedded_socket(self.instance_dir)
        return self.redis_url or (f"unix://{path}" if path.exists() else "")
