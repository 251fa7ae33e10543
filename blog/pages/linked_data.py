"""What a page says of itself to search engines, as JSON-LD (schema.org)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from werkzeug.urls import iri_to_uri

from blog.config import Settings
from blog.posts.addresses import put_below, settle_address
from blog.posts.model import Post

CONTEXT = "https://schema.org"


def find_image(post: Post, post_url: str, base_path: str = "") -> str:
    """Return the absolute address of a post's image, or ""; a bare name is beside the post."""
    if not post.image:
        return ""
    return iri_to_uri(urljoin(post_url, put_below(base_path, settle_address(post.image, post.id))))


def describe_site(settings: Settings, index_url: str, search_url: str) -> dict[str, Any]:
    """Describe the blog, and how it is searched."""
    return {
        "@context": CONTEXT,
        "@type": "WebSite",
        "name": settings.title,
        "description": settings.description,
        "url": index_url,
        "inLanguage": settings.language,
        "potentialAction": {
            "@type": "SearchAction",
            "target": {
                "@type": "EntryPoint",
                "urlTemplate": f"{search_url}?q={{search_term_string}}",
            },
            "query-input": "required name=search_term_string",
        },
    }


def describe_post(
    settings: Settings, post: Post, post_url: str, image_url: str = ""
) -> dict[str, Any]:
    """Describe one post; what it does not have is left out."""
    publisher = {"@type": "Organization", "name": settings.title}
    authors = [{"@type": "Person", "name": author} for author in post.authors]
    changed = post.updated or post.date
    described = {
        "@context": CONTEXT,
        "@type": "BlogPosting",
        "headline": post.title,
        "description": post.description,
        "url": post_url,
        "mainEntityOfPage": post.canonical or post_url,
        "datePublished": post.date.isoformat() if post.date else "",
        "dateModified": changed.isoformat() if changed else "",
        "author": authors or [publisher],
        "publisher": publisher,
        "keywords": list(post.tags),
        "image": image_url,
        "inLanguage": post.lang or settings.language,
        "wordCount": post.words,
    }
    return {name: value for name, value in described.items() if value}
