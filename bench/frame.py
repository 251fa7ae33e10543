"""The HTML that every contestant sends: what an open about page of the blog gets."""

from __future__ import annotations

# A copy, because the peers must not load the blog. tests/bench compares it with the original.
HEAD = '<hx-partial hx-target=".live-total" hx-swap="innerHTML">'
TAIL = "</hx-partial>"
NOTICE = '<hx-partial hx-target=".live-notice" hx-swap="innerHTML"></hx-partial>'


def make_html(count: int) -> str:
    """Say how many are on the blog, as two htmx partials: the total, and an empty notice."""
    words = "1 reader online" if count == 1 else f"{count} readers online"
    return f"{HEAD}{words}{TAIL}\n{NOTICE}"
