"""What `flask doctor` finds: one line for each thing that was looked at."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Level(enum.Enum):
    """Whether something should be changed."""

    OK = "ok"
    WARN = "warn"  # it works, and could do so better
    FAIL = "fail"  # it does not work as it should


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and found; where it is not fine, what was expected, and a mend."""

    what: str
    found: str
    level: Level = Level.OK
    expected: str = ""
    mend: str = ""

    def __str__(self) -> str:
        line = f"{self.level.value:<4}  {self.what}: {self.found}"
        if self.expected:
            line += f"; expected {self.expected}"
        return f"{line}. {self.mend}" if self.mend else line


def warn(what: str, found: str, expected: str, mend: str) -> Finding:
    """Make a finding of something that could be better."""
    return Finding(what, found, Level.WARN, expected, mend)


def fail(what: str, found: str, expected: str, mend: str) -> Finding:
    """Make a finding of something that does not work."""
    return Finding(what, found, Level.FAIL, expected, mend)
