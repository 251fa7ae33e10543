"""The steps of `docs/deploy.md`: its blocks of commands, as they stand there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """A block of commands, the heading it is under, and what the document says it prints."""

    heading: str
    commands: str
    prints: str


def read_steps(text: str) -> list[Step]:
    """Return every block of `sh`; a block of `text` behind one is what that one prints."""
    headings = [(found.start(), found[1]) for found in _HEADING.finditer(text)]
    steps: list[Step] = []
    for found in _FENCE.finditer(text):
        if found[1] == "sh":
            above = [title for start, title in headings if start < found.start()]
            steps.append(Step(above[-1] if above else "", found[2], ""))
        elif found[1] == "text" and steps:
            last = steps.pop()
            steps.append(Step(last.heading, last.commands, found[2]))
    return steps


def steps_under(heading: str) -> list[Step]:
    """Return the document's steps under a heading that begins so."""
    steps = read_steps(DOCUMENT.read_text(encoding="utf-8"))
    found = [step for step in steps if step.heading.startswith(heading)]
    assert found, f"{DOCUMENT.name} has no steps under {heading!r}"
    return found
