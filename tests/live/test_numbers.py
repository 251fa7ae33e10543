"""What a page shows of presence, in words and as one event."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from jinja2 import ChoiceLoader, DictLoader

from blog.live.count import Count
from blog.live.numbers import (
    MOST_COUNTED,
    CountSnapshot,
    LiveCounts,
    PostLink,
)
from blog.live.templates import LiveTemplates
from blog.pages.theme import make_loader
from blog.words import load_words
from flask_presence.tracking import Store, Tracker, connect
from flask_presence.web.readers import TOPIC

TEMPLATES = LiveTemplates(make_loader(None), load_words("en"))
PARTIAL = 'data: <hx-partial hx-target=".live-{}" hx-swap="{}">{}</hx-partial>\n'
BEAT = '<span class="beat">connection lost, as last known</span>'


def write_frame(*, here: str = "", total: str) -> str:
    """Return the frame of a page that is not the index: `here` and `total` begin with a number."""
    said = {"total": total} | ({"here": here} if here else {})
    numbers = {name: re.findall(r"\d+", words)[::-1] for name, words in said.items()}
    ids = {name: f"{name}-{'-'.join(found)}" for name, found in numbers.items()}
    counted = [
        (f"{name} > :not(#{ids[name]})", "outerHTML", f'<span id="{ids[name]}">{words}</span>')
        for name, words in said.items()
    ]
    parts = [*counted, ("notice", "innerHTML", ""), ("pulse", "innerHTML", BEAT)]
    return "".join(PARTIAL.format(*part) for part in parts) + "\n"


@pytest.fixture
def tracker() -> Tracker:
    """Return a tracker that was not started: it has what it is told, and no Redis."""
    return Tracker(Store(connect("redis://localhost"), "{test}"), indexes=("page",))


def count(tracker: Tracker, *, counts_readers: bool = False) -> LiveCounts:
    """Return the numbers of a blog that has a post for every page but blog/gone."""

    def find_post(page: str) -> PostLink | None:
        return None if page == "blog/gone" else PostLink(f"On <{page}>", f"/{page}")

    return LiveCounts(tracker, TEMPLATES, counts_readers=counts_readers, find_post=find_post)


def read(tracker: Tracker, *pages: str) -> None:
    """Have one reader more on each of these pages."""
    for page in pages:
        tracker.track(object(), TOPIC, uuid4().hex, {"page": page})


@pytest.mark.parametrize(
    ("counts_readers", "total", "here"),
    [
        (False, "2 readers, 4 tabs", "1 reading, 2 tabs"),
        (True, "2 readers online", "1 reading now"),
    ],
)
def test_tabs_are_never_said_to_be_readers(tracker, counts_readers, total, here):
    for page in ("blog/a", "blog/a", "index"):
        tracker.track(object(), TOPIC, "ada", {"page": page})
    read(tracker, "blog/b")
    numbers = count(tracker, counts_readers=counts_readers)
    assert numbers.frame("blog/a").decode() == write_frame(here=here, total=total)
    assert numbers.fragments("blog/a").total == f"<span>{total}</span>"
    index = numbers.fragments("index")
    assert index.reads("a") == here
    assert f'>On &lt;blog/a&gt;</a> <span class="meta">{here}<' in index.being_read
    assert f">{here}</hx-partial>" in numbers.frame("index").decode()


def test_a_tab_has_the_number_of_its_post_in_its_title_where_that_is_set(tracker):
    numbers = count(tracker)
    assert b'"title"' not in numbers.frame("blog/a")
    numbers.title_of = {"blog/a": "<A> · Blog", "blog/b": "B · Blog"}.__getitem__
    assert numbers.fragments("blog/a").in_title == ""
    read(tracker, "blog/a", "blog/a", "blog/b", "about")
    assert numbers.fragments("blog/a").in_title == "(2) "
    partial = '<hx-partial hx-target="title" hx-swap="innerHTML">{}</hx-partial>'
    said = partial.format("(2) &lt;A&gt; · Blog")
    assert said in numbers.frame("blog/a").decode()
    assert partial.format("(1) B · Blog") in numbers.frame("blog/b").decode()
    assert b'"title"' not in numbers.frame("about")


@pytest.mark.parametrize("counts_readers", [False, True])
def test_a_post_has_a_number_of_its_own(tracker, counts_readers):
    total, here = "3 readers online", "2 reading now"
    read(tracker, "blog/a", "blog/a", "index")
    frame = count(tracker, counts_readers=counts_readers).frame("blog/a")
    assert frame.decode() == write_frame(here=here, total=total)


def test_any_other_page_has_the_total_only(tracker):
    read(tracker, "about")
    frame = count(tracker).frame("about")
    assert frame.decode() == write_frame(total="1 reader online")


def test_a_frame_is_made_anew_when_a_number_or_the_state_is_another(tracker):
    read(tracker, "blog/a")
    numbers = count(tracker)
    first = numbers.frame("blog/a")
    assert numbers.frame("blog/a") is first
    read(tracker, "blog/a")
    assert b">2 reading now<" in numbers.frame("blog/a")
    tracker.sync.health.note_failure("writer", now=0.0)
    assert b">not live right now, as last known<" in numbers.frame("blog/a")


def test_no_page_and_no_frame_says_that_nobody_is_there(tracker):
    """The page's reader is included: a page is sent before its stream counts its reader."""
    numbers = count(tracker)
    for page in ("blog/a", "index", "about"):
        frame = numbers.frame(page).decode()
        assert ">just you online<" in frame
        assert not re.search(r">0 ", frame)
        assert numbers.fragments(page).total == "<span>just you online</span>"
    assert numbers.fragments("blog/a").here == "<span>just you reading</span>"


def test_the_dot_rings_where_somebody_came_and_not_where_one_left(tracker):
    numbers = count(tracker)
    assert b'"beat"' in numbers.frame("about")
    owner = object()
    tracker.track(owner, TOPIC, "ada", {"page": "index"})
    assert b'"beat arrived"' in numbers.frame("about")
    assert b'"beat arrived"' in numbers.frame("about")
    tracker.untrack(owner)
    assert b'"beat"' in numbers.frame("about")


def test_the_index_has_the_number_of_each_post_that_is_read(tracker):
    """One partial for all cards of one number, and one that empties all others."""
    read(tracker, "index", "blog/a", "blog/b", "blog/b", "blog/c")
    frame = count(tracker).frame("index").decode()
    a, b, c = (f".{LiveCounts.reads_class(name)}" for name in "abc")
    swap = 'hx-swap="innerHTML">'
    assert f'data: <hx-partial hx-target=".reads:not({b},{a},{c})" {swap}</hx-partial>\n' in frame
    assert f'hx-target="{a},{c}" {swap}1 reading now<' in frame
    assert f'hx-target="{b}" {swap}2 reading now<' in frame
    assert frame.endswith("\n\n")
    assert frame.count("\n\n") == 1


def test_the_index_names_the_posts_with_most_readers_first(tracker):
    read(tracker, "blog/b", "blog/b", "blog/gone", "blog/gone", "blog/a", "blog/c")
    shown = count(tracker).fragments("index").being_read
    assert shown.startswith("<h2>Being read now</h2><ul><li id=")
    assert '"><a href="/blog/b">On &lt;blog/b&gt;</a> ' in shown
    links = [part.split('"')[0] for part in shown.split('<a href="')[1:]]
    assert links == ["/blog/b", "/blog/a", "/blog/c"]
    assert shown in count(tracker).frame("index").decode()


def test_a_title_that_runs_from_right_to_left_says_so(tracker):
    read(tracker, "blog/a")
    post = PostLink("مرحبا", "/blog/a", needs_direction=True)
    numbers = LiveCounts(tracker, TEMPLATES, counts_readers=False, find_post=lambda page: post)
    assert '<a href="/blog/a" dir="auto">مرحبا</a>' in numbers.frame("index").decode()


def test_nothing_is_named_where_nothing_is_read(tracker):
    read(tracker, "index", "about")
    numbers = count(tracker)
    hint = "<h2>Being read now</h2><p>Open a post, and it is named here.</p>"
    assert numbers.fragments("index").being_read == hint
    assert hint in numbers.frame("index").decode()
    assert '".reads" hx-swap="innerHTML"></' in numbers.frame("index").decode()


def test_a_card_has_its_number_on_the_index_only(tracker):
    read(tracker, "blog/a", "blog/a")
    numbers = count(tracker)
    assert numbers.fragments("index").reads("a") == "2 reading now"
    assert numbers.fragments("index").reads("b") == ""
    assert numbers.fragments("blog/b").reads("a") == ""


def test_an_index_frame_is_made_anew_when_a_reader_goes_to_another_post(tracker):
    """The total is the same: a tab left one post and another came to the other."""
    tab = object()
    tracker.track(tab, TOPIC, "ada", {"page": "blog/a"})
    numbers = count(tracker)
    first = numbers.frame("index")
    assert numbers.frame("index") is first
    tracker.update(tab, TOPIC, "ada", {"page": "blog/b"})
    assert b'<a href="/blog/b">' in numbers.frame("index")


def test_an_index_frame_says_the_same_whether_it_was_made_for_another_number_or_not(tracker):
    def make_anew() -> bytes:
        templates = LiveTemplates(make_loader(None), load_words("en"), reloads=True)
        return LiveCounts(
            tracker, templates, counts_readers=False, find_post=numbers._find_post
        ).frame("index")

    numbers = count(tracker)
    frames = []
    for page in ("blog/a", "index", "blog/b", "index", "index"):
        read(tracker, page)
        numbers._frames.clear()  # so that nobody has just arrived
        frames.append(numbers.frame("index"))
        assert frames[-1] == make_anew()
    assert len(set(frames)) == 5


def test_an_index_frame_stays_small_however_many_posts_are_read(tracker):
    """The cards of those with fewest readers then have no number."""
    read(tracker, *(f"blog/{n:03}" for n in range(MOST_COUNTED + 1)), "blog/500")
    frame = count(tracker).frame("index").decode()
    assert LiveCounts.reads_class("498") in frame
    assert LiveCounts.reads_class("499") not in frame
    assert f'".{LiveCounts.reads_class("500")}" hx-swap="innerHTML">2 reading now' in frame
    assert len(frame) < 22_000


def test_a_frame_has_what_is_beside_the_numbers_and_is_made_anew_with_it(tracker):
    read(tracker, "about")
    beside = {"about": b""}
    numbers = LiveCounts(
        tracker,
        TEMPLATES,
        counts_readers=False,
        find_post=lambda page: None,
        beside=beside.__getitem__,
    )
    plain = numbers.frame("about")
    beside["about"] = b"data: news\n\n"
    assert numbers.frame("about") == plain[:-1] + b"data: news\n\n"


@pytest.mark.parametrize("arrived", [False, True])
@pytest.mark.parametrize("here", [None, 0, 1, 2])
@pytest.mark.parametrize("total", [0, 1, 2, 1000])
def test_a_frame_is_what_its_template_makes_of_the_numbers(total, here, arrived):
    """It is rendered once for all numbers, and again for each while an author writes."""
    shown = CountSnapshot(
        Count(min(total, 2), total), None if here is None else Count(here, here), "stale"
    )
    slowly = LiveTemplates(make_loader(None), load_words("en"), reloads=True).frame(
        shown, arrived=arrived
    )
    for _ in range(2):
        assert TEMPLATES.frame(shown, arrived=arrived) == slowly


def test_a_template_that_compares_numbers_is_rendered_for_each():
    words = "{% macro readers_online(count) %}{{ count }}{% endmacro %}"
    text = "{% if numbers.total > 5 %}many{% else %}{{ numbers.total_words }}{% endif %}"
    own = DictLoader({"live/words.html": words, "live/frame.html": text})
    templates = LiveTemplates(ChoiceLoader([own, make_loader(None)]), load_words("en"))
    frames = [templates.frame(CountSnapshot(Count(n, n), None, "whole")) for n in (5, 6)]
    assert frames == [b"data: 5\n\n", b"data: many\n\n"]


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_words_of_several_lines_stay_in_their_event(line_end):
    words = "{% macro readers_online(count) %}{{ count }}" + 2 * line_end + "here{% endmacro %}"
    text = "<p>{{ numbers.total_words }}</p>"
    loader = ChoiceLoader(
        [DictLoader({"live/words.html": words, "live/frame.html": text}), make_loader(None)]
    )
    templates = LiveTemplates(loader, load_words("en"))
    frames = [templates.frame(CountSnapshot(Count(n, n), None, "whole")) for n in (5, 6)]
    assert frames == [b"data: <p>%d\ndata: \ndata: here</p>\n\n" % n for n in (5, 6)]
