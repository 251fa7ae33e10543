"""A file's place and name say its id, and often its date."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest

from blog.posts.names import read_place
from blog.posts.reader import read_post


@pytest.mark.parametrize(
    ("place", "post_id"),
    [
        ("hello.md", "hello"),
        ("a/b/hello.md", "hello"),
        ("hello/index.md", "hello"),
        ("index.md", "index"),
        ("index.md/index.md", "index"),
        ("v0.10.0.md", "v0.10.0"),
        ("cve-2015-8027_cve-2015-6764.md", "cve-2015-8027_cve-2015-6764"),
        ("Crème brûlée.md", "Crème-brûlée"),
        ("Cre\u0300me bru\u0302le\u0301e.md", "Crème-brûlée"),
        ("Docker安装教程.md", "Docker安装教程"),
        ("Обзор Python 3.md", "Обзор-Python-3"),
        ("日記その1.md", "日記その1"),
        ("łódź, Straße & Ørsted.md", "łódź-Straße-Ørsted"),
        ("مرحبا بالعالم!.md", "مرحبا-بالعالم"),
        ("हिन्दी में.md", "हिन्दी-में"),
        ("می\u200cشود.md", "میشود"),
        ("❤\ufe0f love.md", "love"),
        ("e\u200d\u0301.md", "é"),
        ("🎉.md", "1f389"),
        ("c.md", "c"),
        ("c#.md", "c-sharp"),
        ("c++.md", "c-plus-plus"),
        ("issue #12.md", "issue-12"),
        ("hello.markdown", "hello"),
        ("hello.mdown", "hello"),
        ("hello.mkd", "hello"),
        ("HELLO.MD", "HELLO"),
        ("hello/index.markdown", "hello"),
        ("hello/index.bak.md", "index.bak"),
    ],
)
def test_a_name_without_a_date_is_the_id(place: str, post_id: str):
    named = read_place(PurePosixPath(place))
    assert (named.id, named.date, named.wrong_date) == (post_id, None, "")


@pytest.mark.parametrize(
    ("place", "post_id", "lang"),
    [
        ("one/index.fr.md", "one.fr", "fr"),
        ("2026-11-24-one/index.pt_BR.markdown", "one.pt-BR", "pt-BR"),
        ("index.fr.md", "index.fr", ""),
        ("one/hello.fr.md", "hello.fr", ""),
    ],
)
def test_a_translation_beside_an_index_has_its_language(place: str, post_id: str, lang: str):
    named = read_place(PurePosixPath(place))
    assert (named.id, named.lang) == (post_id, lang)


@pytest.mark.parametrize(
    ("place", "former_id"),
    [
        ("hello.md", ""),
        ("Crème brûlée.md", "Creme-brulee"),
        ("Docker使用指南.md", "Docker"),
        ("привет.md", "43f-440-438-432-435-442"),
        ("c#.md", "c"),
        ("one/index.fr.md", "index.fr"),
    ],
)
def test_a_name_tells_what_the_id_was_in_ascii(place: str, former_id: str):
    assert read_place(PurePosixPath(place)).former_id == former_id


@pytest.mark.parametrize(
    "place",
    [
        "2026-11-24-hello.md",
        "2026/11-24-hello.md",
        "posts/2026-11-24-hello.md",
        "2026-11-24-hello/index.md",
        "2026/11-24-hello/index.md",
    ],
)
def test_a_date_before_the_name_is_the_date(place: str):
    named = read_place(PurePosixPath(place))
    assert (named.id, named.date) == ("hello", datetime(2026, 11, 24, tzinfo=UTC))


def test_a_day_that_no_calendar_has_is_a_fault_of_its_own():
    named = read_place(PurePosixPath("2026-02-30-hello.md"))
    assert (named.date, named.wrong_date) == (None, "2026-02-30")


def test_a_heading_that_speaks_of_elixirs_maps_is_no_front_matter():
    content = b"# %{} explained\n\n%{a: 1} is a map.\n"
    post = read_post(Path("a.md"), PurePosixPath("a.md"), content).post
    assert post is not None
    assert post.title == "%{} explained"


def test_a_title_that_is_no_text_is_one_fault():
    content = b"---\ntitle: [a]\n---\n"
    faults = read_post(Path("a.md"), PurePosixPath("a.md"), content).faults
    assert [fault.found for fault in faults] == ["title: found a list of 1"]
