"""Hints: what an author should mend in a text that is shown all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import Element

from blog.posts.model import Fault, Post

MAX_HINTS = 50
_SHOWN_CHARS = 60


class Hints:
    """Collects the hints of one post while it is rendered, at most `MAX_HINTS` of them."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._faults: set[Fault] = set()
        self.failure: Fault | None = None

    @contextmanager
    def guard(self, element: Element) -> Iterator[None]:
        """Leave an element as it is where a step fails on it; the first such failure is kept."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, the post is shown
            source = element.get("src") or "".join(element.itertext()).strip()
            found = f"{quote(source)} cannot be shown as it was meant"
            fault = self._place(
                source,
                f"{found} ({type(error).__name__}: {error})",
                "Markdown",
                "write it in another way; it is shown as plain Markdown has it",
            )
            self._faults.add(fault)
            self.failure = self.failure or fault

    def add(self, source: str, found: str, expected: str, mend: str) -> None:
        """Add a hint on the line where `source`, a piece of the body, begins."""
        if len(self._faults) < MAX_HINTS:
            self._faults.add(self._place(source, found, expected, mend))

    def _place(self, source: str, found: str, expected: str, mend: str) -> Fault:
        # Text in quotes or lists is not in the body as it is rendered: its first line is.
        at = self._post.body.find(source.strip().partition("\n")[0])
        line = self._post.body_line + self._post.body.count("\n", 0, max(at, 0))
        return Fault(self._post.path, line, found, expected, mend)

    def list_all(self) -> tuple[Fault, ...]:
        """Return the hints in the order of their lines."""
        return tuple(sorted(self._faults))


def quote(text: str) -> str:
    """Show the beginning of a text on one line."""
    line = " ".join(text.split())
    return f"“{line[:_SHOWN_CHARS]}…”" if len(line) > _SHOWN_CHARS else f"“{line}”"
