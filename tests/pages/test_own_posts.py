"""What our own posts say can be checked: their links lead somewhere, their settings exist."""

from __future__ import annotations

import re

import frontmatter
import pytest

from blog.config import describe_settings
from tests.pages.site import ROOT

POSTS = sorted((ROOT / "posts").glob("*.md"))
TEXTS = POSTS + sorted((ROOT / "pages").glob("*.md"))


def test_there_are_at_least_four_posts_and_a_page():
    assert len(POSTS) >= 4
    assert len(TEXTS) - len(POSTS) >= 1


@pytest.mark.parametrize("path", POSTS, ids=lambda path: path.stem)
def test_a_post_has_all_that_a_list_shows(path):
    front = frontmatter.load(str(path)).metadata
    assert {"title", "description", "date", "authors", "tags"} <= set(front)
    assert f"{front['date']:%Y-%m}" == "2026-11"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_links_to_our_pages_lead_somewhere(path):
    known = {f"/blog/{post.stem}" for post in POSTS} | {"/about", "/blog", "/tags"}
    links = re.findall(r"\]\((/[^)#]*)", path.read_text(encoding="utf-8"))
    assert set(links) <= known


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_settings_are_named_as_they_are(path):
    named = re.findall(r"BLOG_[A-Z_]+", path.read_text(encoding="utf-8"))
    assert set(named) <= {variable for variable, *_ in describe_settings()}


def test_the_table_of_settings_tells_their_defaults():
    text = (ROOT / "posts" / "running-it.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| `?([^|`]+?)`? \|", text, re.MULTILINE)
    defaults = {variable: default or "empty" for variable, default, *_ in describe_settings()}
    assert rows
    assert dict(rows) == {variable: defaults[variable] for variable, _ in rows}
