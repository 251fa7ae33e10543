"""A terminal that is written anew again and again, and says which key was pressed."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Iterable
from typing import Any, Self

# xterm's control sequences, which every terminal of today has.
ENTER = "\x1b[?1049h\x1b[?25l"  # the other screen, without a cursor
LEAVE = "\x1b[?25h\x1b[?1049l"
HOME, TO_END_OF_LINE, TO_END = "\x1b[H", "\x1b[K", "\x1b[J"


class Screen:
    """The terminal, from `with` on; as it was before, whatever happens in between."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._before: list[Any] = []

    def show(self, lines: Iterable[str]) -> None:
        """Write these lines in place of all that is there."""
        sys.stdout.write(HOME + "".join(f"{line}{TO_END_OF_LINE}\n" for line in lines) + TO_END)
        sys.stdout.flush()

    def wait_for_key(self, seconds: float) -> str:
        """Return the key that is pressed within that time; "" for none."""
        readable, _, _ = select.select([self._fd], [], [], seconds)
        if not readable:
            return ""
        # End of input: the terminal is gone, or somebody pressed Ctrl+D.
        return os.read(self._fd, 1).decode("latin-1") or "\x04"

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        sys.stdout.write(ENTER)
        return self

    def __exit__(self, *raised: object) -> None:
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
        sys.stdout.write(LEAVE)
        sys.stdout.flush()
