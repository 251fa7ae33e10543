"""One finding of a doctor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What was examined and found; unless it is fine, also what was expected, and a remedy.

    `warn`: it works, and could do so better; `fail`: it does not work as it should.
    """

    what: str
    found: str
    expected: str = ""
    fix: str = ""
    level: Literal["ok", "warn", "fail"] = "ok"

    def __str__(self) -> str:
        line = f"{self.level:<4}  {self.what}: {self.found}"
        if self.expected:
            line += f"; expected {self.expected}"
        return f"{line}. {self.fix}" if self.fix else line


warn, fail = partial(Finding, level="warn"), partial(Finding, level="fail")
