"""Ask for a page every 20 ms, in a process of its own, and print how long each answer took.

Usage: python -m bench.page_client PORT PATH SECONDS. It opens a connection for each request, as a
new visitor does, and prints a JSON list of seconds. It fails on any answer but 200, and if none
comes within 10 s.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

EVERY_SECONDS = 0.02
ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def start_asking(port: int, path: str, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Start the process that asks; end it, unless it has ended by itself."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.page_client", str(port), path, str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as client:
        try:
            yield client
        finally:
            client.kill()


def read_waits(client: subprocess.Popen[bytes]) -> list[float]:
    """Wait for the process's end; return how long each answer took, the quickest first.

    Raises `ValueError` if an answer was wrong or missing.
    """
    assert client.stdout is not None
    said = client.stdout.read()
    if client.wait():
        raise ValueError("a page was not answered as it should be")
    return sorted(json.loads(said))


def main() -> None:
    """Ask, and print the waits."""
    port, path, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    began = time.monotonic()
    due, waits = began, []
    while due < began + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        asked = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        response.read()
        connection.close()
        waits.append(time.monotonic() - asked)
        if response.status != 200:
            sys.exit(f"found {response.status} for {path}, expected 200")
        due = max(due + EVERY_SECONDS, time.monotonic())
    print(json.dumps(waits))


if __name__ == "__main__":
    main()
