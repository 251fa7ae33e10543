"""The HTML that every contestant sends: the one that an open about page of the blog gets."""

from __future__ import annotations

# A copy, because the peers must not load the blog. tests/bench compares it with the original.
HEAD = '<hx-partial hx-target=".live-total > :not(#total-'
MIDDLE = ')" hx-swap="outerHTML"><span id="total-'
# A line for each of the partials; the first one ends with the words.
TAIL = (
    "</span></hx-partial>",
    '<hx-partial hx-target=".live-notice" hx-swap="innerHTML"></hx-partial>',
    '<hx-partial hx-target=".live-pulse" hx-swap="innerHTML">'
    '<span class="beat">connection lost, as last known</span></hx-partial>',
)


def make_html(count: int) -> str:
    """Say how many are on the blog, as htmx partials: the total, an empty notice, and the dot."""
    words = "1 reader online" if count == 1 else f"{count} readers online"
    return f'{HEAD}{count}{MIDDLE}{count}">{words}' + "\n".join(TAIL)
