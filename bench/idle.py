"""What servers take of a core while they have no reader at all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping

from .accounting import read_usage
from .contestants import Contestant
from .measure import Plan, Tell
from .server import Server


def measure_idle_servers(
    contestants: Iterable[Contestant], plan: Plan, tell: Tell
) -> Mapping[str, float]:
    """Return what each server takes of a core without any reader; all are measured together."""
    with contextlib.ExitStack() as stack:
        servers = {
            contestant.name: stack.enter_context(Server(contestant.prepare, 100))
            for contestant in contestants
        }
        tell("servers without readers: starting")
        time.sleep(plan.start_seconds)
        before = {name: read_usage(server.pids) for name, server in servers.items()}
        began = time.monotonic()
        while (left := began + plan.idle_seconds - time.monotonic()) > 0:
            tell(f"servers without readers: idle for {left:.0f} s")
            time.sleep(min(left, 1.0))
        past = time.monotonic() - began
        return {
            name: (read_usage(server.pids).cpu_ns - before[name].cpu_ns) / 1e9 / past
            for name, server in servers.items()
        }
