"""What is written: Markdown files in, an immutable index of posts and their HTML out."""

from blog.posts.library import Library
from blog.posts.model import Fault, Heading, Post, RenderedPost
from blog.posts.state import Index, SeriesPlace

__all__ = ["Fault", "Heading", "Index", "Library", "Post", "RenderedPost", "SeriesPlace"]
