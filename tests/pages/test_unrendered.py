"""A text that cannot be rendered is one page's fault: it is said once, and all else is served."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from blog.config import Settings
from blog.factory import create_app

# A list in a list, and so on: Python-Markdown goes deeper with each.
TOO_DEEP = "- " * 1000 + "x"


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """Open a blog with a good and a bad post, and a good and a bad section of the about page."""
    for folder in ("posts", "about"):
        (tmp_path / folder).mkdir()
        for name, body in (("good", "Words."), ("bad", TOO_DEEP)):
            front = f"---\ntitle: The {name}\ndate: 2026-11-03\n---\n"
            (tmp_path / folder / f"{name}.md").write_text(front + body)
    return create_app(
        Settings(
            posts_dir=tmp_path / "posts",
            about_dir=tmp_path / "about",
            site_url="https://blog.example",
        )
    )


def test_only_its_page_is_an_error_and_the_log_says_once_what_to_do(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with app.test_client() as client:
        for _ in range(2):
            answer = client.get("/blog/bad")
            assert answer.status_code == 500
            assert "Something broke on our side" in answer.text
        assert client.get("/blog/good").status_code == 200
        assert "The bad" in client.get("/blog").text
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path}/posts/bad.md:5: the body cannot be rendered (Recursion")
    assert message.endswith("expected Markdown, take parts of it out until it can")


def test_feeds_have_all_other_posts_and_the_about_page_all_other_sections(app: Flask):
    with app.test_client() as client:
        for path in ("/feed.atom", "/feed.rss", "/feed.json"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "The good" in answer.text
            assert "The bad" not in answer.text
        about = client.get("/about")
        assert about.status_code == 200
        assert "The good" in about.text
        assert "The bad" not in about.text


def test_it_is_tried_again_when_it_was_mended(app: Flask, tmp_path: Path):
    with app.test_client() as client:
        assert client.get("/blog/bad").status_code == 500
        (tmp_path / "posts" / "bad.md").write_text("---\ntitle: Mended\n---\nWords.\n")
        app.extensions["viblog"].library.load()
        assert client.get("/blog/bad").status_code == 200
