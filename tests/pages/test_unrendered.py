"""A text that cannot be rendered is shown as it was written, and the log says so once."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from blog.config import Settings
from blog.factory import create_app

# A note in a note, and so on: Python-Markdown goes deeper with each.
TOO_DEEP = "\n".join("    " * depth + "!!! note x" for depth in range(400))


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """Open a blog with a good and a bad post, and a good and a bad page."""
    for folder in ("posts", "pages"):
        (tmp_path / folder).mkdir()
        for name, body in (("good", "Words."), ("bad", TOO_DEEP)):
            front = f"---\ntitle: The {name}\ndate: 2026-11-03\n---\n"
            (tmp_path / folder / f"{name}.md").write_text(front + body)
    return create_app(
        Settings(
            posts_dir=tmp_path / "posts",
            pages_dir=tmp_path / "pages",
            site_url="https://blog.example",
        )
    )


def test_its_page_shows_the_source_and_the_log_says_once_what_to_do(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with app.test_client() as client:
        for _ in range(2):
            answer = client.get("/blog/bad")
            assert answer.status_code == 200
            assert '<pre tabindex="0"><code>!!! note' in answer.text
            assert "note x</code></pre>" in answer.text
        assert client.get("/blog/good").status_code == 200
        assert "The bad" in client.get("/blog").text
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path}/posts/bad.md:5: the body cannot be rendered (Recursion")
    assert message.endswith("expected Markdown, take parts of it out until it can")


def test_feeds_and_pages_have_its_source(app: Flask):
    with app.test_client() as client:
        for path in ("/feed.atom", "/feed.rss", "/feed.json"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "The good" in answer.text
            assert "note x" in answer.text
        page = client.get("/bad")
        assert page.status_code == 200
        assert "note x" in page.text


def test_a_failure_on_one_element_is_logged_with_its_line(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """No text is known that does this: a step is broken on purpose."""
    (tmp_path / "posts" / "odd.md").write_text("---\ntitle: O\n---\nWords.\n\n![a](b.png)\n")
    monkeypatch.setattr("blog.posts.markup.images.unquote", lambda path: 1 / 0)
    app.extensions["viblog"].library.load()
    with app.test_client() as client:
        answer = client.get("/blog/odd")
    assert answer.status_code == 200
    assert 'src="/blog/odd/b.png"' in answer.text
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path}/posts/odd.md:6: “b.png” cannot be shown as it was meant")


def test_it_is_tried_again_when_it_was_mended(app: Flask, tmp_path: Path):
    with app.test_client() as client:
        assert "<code>!!! note" in client.get("/blog/bad").text
        (tmp_path / "posts" / "bad.md").write_text("---\ntitle: Mended\n---\nWords.\n")
        app.extensions["viblog"].library.load()
        assert "<code>!!! note" not in client.get("/blog/bad").text
