"""The search as a reader uses it: a plain form, whose answers have an address."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from blog.search import Search
from blog.search.search import FILE_NAME
from tests.pages.site import Books, open_site, write_post


@pytest.fixture
def open_searched(tmp_path):
    """Return what opens a site whose posts are in the index."""
    searches = []

    def open_searched(*posts, own_pages=(), **settings):
        library, pages = Books(*posts), Books(*own_pages)
        search = Search(library, tmp_path, pages)
        searches.append(search)
        search.bring_up_to_date()
        app = open_site(library=library, own_pages=pages, search=search, **settings)
        app.extensions["library"] = library
        return app

    yield open_searched
    for search in searches:
        search.close()


def ask(app, status=200, **asked):
    with app.test_client().get("/search", query_string=asked) as answer:
        assert answer.status_code == status
        return answer


def titles(text):
    found = re.findall(r'<h2><a href="[^"]*">(.*?)</a></h2>', text)
    return [re.sub("</?mark>", "", title) for title in found]


def status(text):
    return re.sub(r"\s+", " ", re.findall(r'role="status">(.*?)</p>', text, re.DOTALL)[0]).strip()


def write_owl(post_id, **fields):
    fields = {"title": post_id, "body": f"An owl in {post_id}.", "fingerprint": post_id, **fields}
    return write_post(post_id, **fields)


def test_shows_what_was_found_with_the_words_marked(open_searched):
    app = open_searched(write_owl("one"), write_owl("two", body="An eagle."))
    text = ask(app, q="owl").text
    assert titles(text) == ["one"]
    assert "An <mark>owl</mark> in one." in text
    assert status(text) == "Found: 1"
    assert "<title>Search: owl · Viblog</title>" in text
    assert '<input type="search" name="q" value="owl"' in text
    assert '<meta name="robots" content="noindex, follow">' in text


def test_finds_pages_too_by_their_own_addresses(open_searched):
    page = write_owl("about", title="About owls", date=None, tags=("c",))
    app = open_searched(write_owl("about", title="A post about"), own_pages=[page])
    text = ask(app, q="owl").text
    assert '<h2><a href="/about">About <mark>owls</mark></a></h2>' in text
    assert '<h2><a href="/blog/about">A post about</a></h2>' in text
    assert status(text) == "Found: 2"
    assert text.count('class="reads') == 1
    assert "/tags/c" not in text
    assert titles(ask(app, q="owl", year="2026").text) == ["A post about"]


def test_says_so_when_nothing_is_found(open_searched):
    text = ask(open_searched(write_owl("one")), q="eagle").text
    assert titles(text) == []
    assert status(text) == "No post has all of this."


def test_narrows_by_tag_and_year_and_keeps_the_choice(open_searched):
    app = open_searched(
        write_owl("one", tags=("a b", "c")),
        write_owl("two", tags=("c",), date=datetime(2020, 1, 1, tzinfo=UTC)),
    )
    assert titles(ask(app, q="owl", tag="c", year="2020").text) == ["two"]
    text = ask(app, q="owl", tag="a b", year="").text
    assert titles(text) == ["one"]
    assert "<option selected>a b</option>" in text
    assert re.findall(r"<option>(\d+)</option>", text) == ["2026", "2020"]


def test_without_words_lists_the_posts_of_a_tag_and_a_year(open_searched):
    old = datetime(2020, 1, 1, tzinfo=UTC)
    app = open_searched(write_owl("one", tags=("c",)), write_owl("two", tags=("c",), date=old))
    assert titles(ask(app).text) == ["one", "two"]
    assert titles(ask(app, tag="c", year="2020").text) == ["two"]


def test_cuts_what_was_found_into_pages(open_searched):
    app = open_searched(*[write_owl(f"p{n:02}", tags=("c d",)) for n in range(12)])
    first = ask(app, q="owl", tag="c d").text
    assert status(first) == "Found: 12"
    link = '<a rel="next" href="/search?page=2&amp;q=owl&amp;tag=c+d">More</a>'
    assert link in first
    second = ask(app, q="owl", tag="c d", page="2").text
    assert sorted(titles(first) + titles(second)) == [f"p{n:02}" for n in range(12)]


@pytest.mark.parametrize("page", ["0", "3", "-1", "x", "", "1001", "9" * 50])
@pytest.mark.parametrize("words", ["owl", ""])
def test_has_no_page_of_that_number(open_searched, page, words):
    app = open_searched(*[write_owl(f"p{n:02}") for n in range(12)])
    ask(app, 404, q=words, page=page)


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ({"q": "owl", "tag": "", "year": ""}, "/search?q=owl"),
        ({"q": "  an   owl "}, "/search?q=an+owl"),
        ({"q": "owl", "tag": "none", "year": "1999"}, "/search?q=owl"),
        ({"q": "", "tag": "c d", "year": "2026"}, "/search?tag=c+d&year=2026"),
        ({"q": "höhle & 标签"}, "/search?q=h%C3%B6hle+%26+%E6%A0%87%E7%AD%BE"),
        ({}, "/search"),
    ],
)
def test_an_answer_has_one_address(open_searched, asked, address):
    app = open_searched(write_owl("one", tags=("c d",)))
    assert ask(app, **asked).headers["HX-Replace-Url"] == address


@pytest.mark.parametrize(
    "words",
    [
        '"',
        "'",
        '"""""',
        "*",
        "owl*",
        "^owl",
        "title:owl",
        "owl AND",
        "NOT owl",
        "NEAR(owl, 2)",
        "owl) OR (1",
        "-owl",
        "{title}: owl",
        "'; DROP TABLE post; --",
        "\x00owl\x01\x02\x03",
        "\ud800",
        "<script>alert(1)</script>",
        "%ff%fe",
        "\\",
        "🦉",
        "١٢٣",
    ],
)
def test_no_query_is_an_error(open_searched, words):
    text = ask(open_searched(write_owl("one")), q=words.encode("utf-8", "surrogatepass")).text
    assert status(text)
    assert "<script>alert" not in text


@pytest.mark.parametrize("words", ["owl " * 2_500, "o" * 10_000, '"' * 10_000, "标" * 3_000])
def test_a_query_of_10_kb_is_cut_and_the_reader_told(open_searched, words):
    answer = ask(open_searched(write_owl("one")), q=words)
    assert "Only the beginning of these words was looked for." in status(answer.text)
    # Proxies take headers of 4 kB and more.
    assert len(answer.headers["HX-Replace-Url"]) < 2_000


def test_a_post_that_is_no_longer_published_is_not_shown_though_the_index_has_it(open_searched):
    app = open_searched(write_owl("one"), write_owl("two"))
    app.extensions["library"].index = Books(write_owl("two")).index
    assert titles(ask(app, q="owl").text) == ["two"]


def test_says_that_posts_may_be_missing_while_the_index_is_being_made():
    text = ask(open_site(write_owl("one")), q="owl").text
    assert "The index of words is still being made: some posts may be missing." in status(text)
    assert "No post has all of this." not in status(text)


def test_the_index_page_has_the_words_alone(open_searched):
    app = open_searched(write_owl("one", tags=("c",)))
    form = re.compile(r"<form class=\"search.*?</form>", re.DOTALL)
    pages = [app.test_client().get(path).text for path in ("/blog", "/search")]
    index, search = (form.findall(text)[0] for text in pages)
    assert 'name="q"' in index
    assert "<select" not in index
    assert "<select" in search
    assert all('<div id="found">' in text for text in pages)


def test_many_tags_are_offered_by_how_many_posts_have_them(open_searched):
    posts = [write_owl(f"p{n}", tags=("often", f"tag{n:03}")) for n in range(120)]
    text = ask(open_searched(*posts), tag="tag119").text
    offered = re.findall(r"<option(?: selected)?>([a-z]\w+)</option>", text)
    assert len(offered) == 101
    assert {"often", "tag119"} <= set(offered)


def test_what_cannot_be_searched_now_is_told_on_a_page(open_searched, tmp_path):
    app = open_searched(write_post("one"))
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1_000)
    answer = ask(app, 503, q="text")
    assert answer.headers["Retry-After"] == "60"
    assert "The blog cannot search right now; all its pages can be read." in answer.text
    assert "one" in ask(app).text
