"""No page of a blog in another language says a word of English.

The blog of these tests has a language whose every message is its English text in brackets, and
posts without Latin letters: a text with a Latin letter outside of brackets was never marked for
translation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import polib
import pytest
from flask import Flask, abort
from werkzeug.security import generate_password_hash

from blog.config import Settings
from blog.factory import create_app
from blog.live.count import Count
from blog.live.faces import Face, FaceRow
from blog.live.numbers import LastHour, OpenedPost, ReadPost
from blog.live.recent import Curve, Peak
from blog.live.templates import LiveTemplates
from blog.pages.theme import make_loader
from blog.posts.preview import sign_preview
from blog.words import SOURCE, load_words
from tests.pages.site import ROOT, Books, open_site

POST = """---
title: Луна
description: О луне.
date: 2026-11-03
updated: 2026-11-04
authors: [Анна, Иван]
tags: [небо]
series: Ночь
---

## Раз {#1}

> [!NOTE]
> Да.[^1]

| а | б |
|---|---|
| в | г |

## Два {#2}

- [x] Да
- [ ] Нет

## Три {#3}

$$1$$

[^1]: Нет.
"""
DRAFT = "---\ntitle: Тайна\ndraft: true\n---\n\nНет.\n"
PAGE = "---\ntitle: Обо мне\nmenu: 1\n---\n\nДа.\n"
ATTRIBUTES = {"alt", "aria-label", "placeholder", "title"}
# The names of properties whose content a reader may see.
SEEN = {"description", "og:title", "og:description", "og:site_name", "og:image:alt"}
BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")
LATIN = re.compile(r"[A-Za-z]+")
# Routes for machines, with fixed names, which no reader sees.
FOR_MACHINES = {
    *("static", "pages.card", "pages.robots", "pages.sitemap", "pages.favicon", "pages.security"),
    *("pages.look", "pages.now_json", "pages.face"),
}


class _Seen(HTMLParser):
    """Collects the text of a page that a reader sees or hears, but no code or marked English."""

    VOID = frozenset(["area", "br", "hr", "img", "input", "link", "meta", "path", "source", "wbr"])

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.attributes: list[str] = []
        self._hidden: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        is_hidden = tag in ("script", "style", "code", "math") or named.get("lang") == "en"
        if tag not in self.VOID:
            self._hidden.append(is_hidden)
        if any(self._hidden):
            return
        self.attributes += [value or "" for name, value in attrs if name in ATTRIBUTES]
        if tag == "meta" and SEEN & {named.get("name"), named.get("property")}:
            self.attributes.append(named.get("content") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._hidden):
            self.texts.append(data)


def list_english(html: str) -> list[str]:
    """Return each Latin word of a page that is outside of brackets."""
    seen = _Seen()
    seen.feed(html)
    found = []
    # An element may be inside a message, and a message inside another.
    for text in ("".join(seen.texts), *seen.attributes):
        rest = text
        while BRACKETED.search(rest):
            rest = BRACKETED.sub("", rest)
        found += LATIN.findall(rest)
    return found


def bracket(text: str) -> str:
    return f"⟦{text}⟧"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("site")
    for name, text in {
        "posts/1.md": POST,
        "posts/2.md": POST.replace("Луна", "Звезда").replace("2026-11-03", "2025-01-02"),
        "posts/3.md": DRAFT,
        "posts/4.md": "Без даты.\n",
        "pages/about.md": PAGE,
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    messages = [entry.msgid for entry in polib.pofile(SOURCE.read_text())]
    plurals = {e.msgid: e.msgid_plural for e in polib.pofile(SOURCE.read_text())}
    words = {m: [bracket(m), bracket(plurals[m])] if plurals[m] else bracket(m) for m in messages}
    return Settings.from_environ(
        {
            "BLOG_TITLE": "Блог",
            "BLOG_DESCRIPTION": "О небе.",
            "BLOG_LANGUAGE": "en-XA",
            "BLOG_SITE_URL": "https://blog.example",
            "BLOG_SECRET_KEY": "k" * 32,
            "BLOG_POSTS_DIR": str(folder / "posts"),
            "BLOG_PAGES_DIR": str(folder / "pages"),
            "BLOG_INSTANCE_DIR": str(folder / "instance"),
            "BLOG_POSTS_PER_PAGE": "1",
            "BLOG_ACTIVITY": "events",
            "BLOG_COUNT": "tabs",
            "BLOG_DESK_PASSWORD_HASH": generate_password_hash("тайна", "scrypt:16384:8:1"),
            "BLOG_WORDS": json.dumps(words),
        }
    )


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    viblog = app.extensions["viblog"]
    viblog.is_started = True  # then pages have the words of the numbers
    viblog.search.start()
    yield app
    viblog.search.close()


def list_paths(app: Flask, settings: Settings) -> Iterator[str]:
    """Yield one or more addresses for each route that a reader may open."""
    token = sign_preview(settings.secret_key, "3", datetime.now(UTC) + timedelta(days=1))
    values = {
        "slug": "небо",
        "number": 2026,
        "page_id": "about",
        "post_id": "1",
        "token": token,
        "name": "none.png",
    }
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in FOR_MACHINES:
            unknown = rule.arguments - values.keys()
            assert not unknown, f"{rule.rule}: a value for {unknown} belongs into this test"
            _, path = rule.build({name: values[name] for name in rule.arguments}) or ("", "")
            yield path
    yield from ("/?page=2", "/tags/небо?page=2", "/archive/2025", "/blog/2", "/blog/4")
    yield from ("/search?q=Луна", "/search?q=Луна&tag=небо&year=2026", "/search?q=Снег")
    yield from ("/search?page=2", "/nowhere", "/blog/nowhere", "/?page=99")


def test_no_page_has_a_word_that_was_not_marked_for_translation(app, settings):
    client = app.test_client()
    client.post(app.extensions["desk"].make_link())
    english = {}
    for path in list_paths(app, settings):
        answer = client.get(path)
        is_page = answer.status_code not in (301, 302, 303, 308)
        if answer.mimetype.startswith("text/html") and is_page:
            assert "⟦" in answer.text, path
            english[path] = list_english(answer.text)
        elif answer.mimetype.endswith("+xml"):
            # The other elements of a feed hold addresses, dates and fixed names.
            titles = re.findall(r"<(?:title|subtitle|description)>([^<]*)<", answer.text)
            english[path] = [title for title in titles if LATIN.search(title)]
    assert len(english) > 20
    assert {path: said for path, said in english.items() if said} == {}


@pytest.mark.parametrize("code", [400, 404, 405, 413, 418, 429, 500, 503])
def test_no_error_page_has_one(settings, code):
    seen = ("title", "description", "language", "words")
    app = open_site(own_pages=Books(), **{name: getattr(settings, name) for name in seen})
    app.add_url_rule("/fail", view_func=lambda: abort(code))
    answer = app.test_client().get("/fail")
    assert answer.status_code == code
    assert "⟦" in answer.text
    assert list_english(answer.text) == []


def test_a_page_without_a_template_is_in_the_language_too(settings):
    app = open_site(language="de")
    app.config["TRUSTED_HOSTS"] = ["blog.example"]
    text = app.test_client().get("/").text
    assert '<html lang="de">' in text
    assert ">Alle Beiträge<" in text


def test_nothing_that_an_open_page_is_told_has_one(settings):
    templates = LiveTemplates(make_loader(None), load_words(settings.language, settings.words))
    post = ReadPost("a", Count(2, 2), "Луна", "/1", needs_direction=False)
    opened = OpenedPost("Луна", "/1", False, 12, 3)
    hour = LastHour((opened, opened._replace(times=3, minutes_ago=0)), (opened,))
    said: dict[str, list[tuple[Any, ...]]] = {
        "readers_online": [(0,), (1,), (2,)],
        "reading_now": [(0,), (1,), (2,)],
        "readers_in_tabs": [(1, 2)],
        "reading_in_tabs": [(1, 2)],
        "notice": [("stale",), ("local",)],
        "pulse": [()],
        "parked": [()],
        "being_read": [((post,),), ((),)],
        "lately": [(hour,), (LastHour(),)],
        "faces": [(FaceRow((Face(1, "/1.svg", "cat"),), 2),)],
        "you": [(Face(1, "/1.svg", "cat"),)],
        "at_section": [(1,), (2,)],
        "ago": [(0,), (1,), (2,)],
        "peak": [(Peak(3, "12:05"),)],
        "curve": [(Curve((3,)),)],
    }
    macros = set(re.findall(r"macro (\w+)", (ROOT / "templates/live/words.html").read_text()))
    assert macros - {"opened", "in_title"} == said.keys()
    for name, calls in said.items():
        for arguments in calls:
            text = getattr(templates.words, name)(*arguments)
            assert list_english(text) == [], name
    for text in (templates.ping(), templates.parked(1), templates.updated("r", "/1")):
        assert list_english(text) == []
    assert list_english(templates.updated("", "")) == []
