"""A post's HTML, whatever happens while it is made."""

from __future__ import annotations

import html

from blog.posts.markup.markdown import Style, render_markdown
from blog.posts.model import Fault, Post, RenderedPost


def render_safely(post: Post, style: Style) -> RenderedPost:
    """Render a post's body; one that cannot be rendered is its source, with a fault."""
    try:
        return render_markdown(post, style)
    except Exception as error:  # noqa: BLE001 - whatever an extension raises is this post's fault
        source = f'<pre tabindex="0"><code>{html.escape(post.body.strip())}</code></pre>'
        return RenderedPost(source, fault=describe_crash(post, error))


def describe_crash(post: Post, error: Exception) -> Fault:
    """Make the fault of a post whose body cannot be rendered."""
    found = f"the body cannot be rendered ({type(error).__name__}: {error})"
    mend = "take parts of it out until it can"
    return Fault(post.path, post.body_line, found, "Markdown", mend)
