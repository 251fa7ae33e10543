"""Characters that a title, a feed or a line of a log must not have."""

from __future__ import annotations

import re

# No XML may have them, and HTML calls them errors. Those that are white space stay: they divide
# words.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffe\uffff]")
# What ends a line or steers a terminal, turns the direction of what follows, or is half a character
# (a name of a file that is no UTF-8).
_UNRULY = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def drop_controls(text: str) -> str:
    """Return a text without control characters."""
    # Nearly every text is printable, and that is told in a tenth of the time.
    return text if text.isprintable() else _CONTROL.sub("", text)


def on_one_line(text: str) -> str:
    """Return a text as it may be in a log or on a terminal, whoever wrote it."""
    return _UNRULY.sub(" ", text)
