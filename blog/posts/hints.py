"""What an author should mend in a text that can be shown all the same."""

from __future__ import annotations

from blog.posts.model import Fault, Post

MAX_HINTS = 50
_SHOWN_CHARS = 60


class Hints:
    """Collects the hints of one post while it is rendered, at most `MAX_HINTS` of them."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._faults: set[Fault] = set()

    def add(self, source: str, found: str, expected: str, mend: str) -> None:
        """Add a hint on the line where `source`, a piece of the body, begins."""
        if len(self._faults) >= MAX_HINTS:
            return
        # Text in quotes or lists is not in the body as it is rendered: its first line is.
        at = self._post.body.find(source.strip().partition("\n")[0])
        line = self._post.body_line + self._post.body.count("\n", 0, max(at, 0))
        self._faults.add(Fault(self._post.path, line, found, expected, mend))

    def list_all(self) -> tuple[Fault, ...]:
        """Return the hints in the order of their lines."""
        return tuple(sorted(self._faults))


def quote(text: str) -> str:
    """Show the beginning of a text on one line."""
    line = " ".join(text.split())
    return f"“{line[:_SHOWN_CHARS]}…”" if len(line) > _SHOWN_CHARS else f"“{line}”"
