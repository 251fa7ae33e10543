"""A link to a film alone in its paragraph is a card that loads nothing of another site."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.posts.markup.markdown import Style, render_with_hints
from blog.posts.markup.videos import Film
from blog.posts.model import Post

ID = "dQw4w9WgXcQ"
YOUTUBE = f"https://www.youtube.com/watch?v={ID}"
NO_COOKIE = "https://www.youtube-nocookie.com"
UUID = "9c9de5e8-0a1e-484a-b099-e80766180a6d"


def write(body: str) -> Post:
    """Make a post with this body, and no front matter."""
    return Post(id="a", title="T", description="", date=None, path=Path("a.md"), body=body)


def render(body: str, *frame_hosts: str) -> str:
    rendered, hints = render_with_hints(write(body), Style(frame_hosts=frame_hosts))
    assert hints == ()
    return rendered.html


@pytest.mark.parametrize(
    ("address", "site", "player"),
    [
        (YOUTUBE, "YouTube", f"{NO_COOKIE}/embed/{ID}"),
        (f"https://youtu.be/{ID}?si=x&t=1m30s", "YouTube", f"{NO_COOKIE}/embed/{ID}?start=90"),
        (f"http://m.youtube.com/shorts/{ID}", "YouTube", f"{NO_COOKIE}/embed/{ID}"),
        ("https://vimeo.com/76979871", "Vimeo", "https://player.vimeo.com/video/76979871?dnt=1"),
        (
            "https://vimeo.com/76979871/8272103f6e",
            "Vimeo",
            "https://player.vimeo.com/video/76979871?dnt=1&h=8272103f6e",
        ),
        (
            f"https://tube.example/videos/watch/{UUID}",
            "tube.example",
            f"https://tube.example/videos/embed/{UUID}",
        ),
        (
            "https://tube.example/w/kkGMgK9ZtnKfYAgnEtQxbv",
            "tube.example",
            "https://tube.example/videos/embed/kkGMgK9ZtnKfYAgnEtQxbv",
        ),
    ],
)
def test_films_of_other_sites_are_known_by_their_addresses(address: str, site: str, player: str):
    film = Film.find(address)
    assert film is not None
    assert (film.site, film.players[0]) == (site, player)


@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/@channel",
        "https://www.youtube.com/watch?v=short",
        f"https://youtube.com.example/watch?v={ID}",
        f"https://www.youtube.com@evil.example/watch?v={ID}",
        "https://vimeo.com/about",
        "https://example.org/w/page",
        "javascript:alert(1)",
        "https://[",
    ],
)
def test_other_addresses_are_none(address: str):
    assert Film.find(address) is None


def test_a_link_alone_is_a_card_with_the_sites_name_and_its_own_words():
    bare = render(f"Look:\n\n{YOUTUBE}\n")
    assert bare.endswith(
        f'<p class="film"><a href="{YOUTUBE}"><span class="site-name">YouTube</span>'
        f"youtube.com/watch?v={ID}</a></p>"
    )
    named = render(f"[The *talk*]({YOUTUBE})")
    assert '<span class="site-name">YouTube</span>The <em>talk</em></a>' in named


@pytest.mark.parametrize("body", [f"See {YOUTUBE}", f"{YOUTUBE} {YOUTUBE}", f"- {YOUTUBE}"])
def test_a_link_in_other_words_stays_a_link(body: str):
    assert "film" not in render(body)


def test_where_frames_of_the_host_are_allowed_the_player_is_unfolded_and_loaded_then():
    html = render(f"[The *talk*]({YOUTUBE}&t=9)", NO_COOKIE)
    assert html.startswith('<details class="film"><summary><span class="site-name">YouTube</span>')
    assert 'loading="lazy"' in html
    assert f'src="{NO_COOKIE}/embed/{ID}?start=9"' in html
    assert 'title="The talk"' in html
    assert f'<p><a href="{YOUTUBE}&amp;t=9">The <em>talk</em></a></p></details>' in html
    other = render(YOUTUBE, "https://www.youtube.com")
    assert 'src="https://www.youtube.com/embed/' in other
    assert "<iframe" not in render(YOUTUBE, "https://www.youtube.com.example")


def test_a_file_is_shown_by_the_browser_and_loaded_when_it_is_played():
    html = render("[How it *moves*](moves.mp4)")
    assert '<figure class="film"><video controls preload="none" src="moves.mp4"></video>' in html
    assert '<figcaption><a href="moves.mp4">How it <em>moves</em></a></figcaption>' in html
    assert 'src="https://films.example/a.webm"' in render("https://films.example/a.webm")


@pytest.mark.parametrize(
    ("address", "mend"),
    [
        ("https://maps.example/x", "name https://maps.example in BLOG_FRAME_HOSTS, or write a"),
        ("/static/demo.html", "link it"),
        ("http://films.example/x", "link it"),
    ],
)
def test_any_other_frame_is_a_hint_on_its_line(address: str, mend: str):
    body = f'Words.\n\n<iframe src="{address}" loading="lazy"></iframe>\n'
    style = Style(frame_hosts=("https://films.example",))
    (hint,) = render_with_hints(write(body), style)[1]
    assert hint.line == 3
    assert hint.found == f"a frame of “{address}”, which the security headers keep empty"
    assert hint.mend.startswith(mend)
    allowed = body.replace(address, "https://films.example/x")
    assert render(allowed, "https://films.example").startswith("<p>Words.</p>")
