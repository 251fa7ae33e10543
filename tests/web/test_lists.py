"""Live lists: any markup made of the metas, the same for all readers, on every worker."""

from __future__ import annotations

import itertools
import re
from typing import Any
from urllib.parse import unquote

import gevent
import pytest
from flask import Flask, render_template
from jinja2 import DictLoader, TemplateNotFound

from flask_presence import Presence
from flask_presence.tracking import ROOM, NotTrackedError
from flask_presence.web.app_presence import AppPresence

PAGE = """<h1>{{ title }}</h1>
{% call(metas) presence.list("a") %}
  {% for meta in metas %}<li>{{ meta.name }}</li>{% endfor %}
{% endcall %}
{{ presence.script() }}"""


@pytest.fixture(autouse=True)
def everybody_comes_at_a_time_of_its_own(monkeypatch):
    seconds = itertools.count(1_700_000_000)
    monkeypatch.setattr("flask_presence.web.extension.time.time", lambda: next(seconds))


class Site:
    """An application whose templates are the test's, and whose presences are its own."""

    def __init__(self, **templates: str) -> None:
        self.app = Flask("notes")
        self.app.config.update(SECRET_KEY="k" * 32, TESTING=True)
        self.app.jinja_loader = DictLoader({f"{n}.html": text for n, text in templates.items()})
        self.presence = Presence(self.app)
        self.state: AppPresence = self.app.extensions["presence"]

    def come(self, name: str, topic: str = "a", key: str = "", **meta: Any) -> str:
        with self.app.app_context():
            return self.presence.track(name, topic, key or name, {"name": name, **meta})

    def leave(self, name: str, topic: str = "a") -> None:
        with self.app.app_context():
            self.presence.untrack(name, topic)

    def show(self, name: str = "page", **values: Any) -> str:
        with self.app.test_request_context("/"):
            return render_template(f"{name}.html", **values)

    def frame(self, page: str) -> str:
        found = re.search(r'hx-sse:connect="/live\?page=([^"]+)"', page)
        assert found is not None
        return self.state._render(unquote(found[1])).decode()


def names_in(html: str) -> list[str]:
    return re.findall(r"<li>(.*?)</li>", html)


def test_it_is_right_in_the_page_and_its_frames_are_the_same_bytes():
    site = Site(page=PAGE)
    site.come("ann")
    site.come("<bob>")
    page = site.show(title="Notes")
    assert names_in(page) == ["ann", "&lt;bob&gt;"]
    found = re.search(r'<div class="(presence-\w+) v(\w+)">.*?</div>', page, re.DOTALL)
    assert found is not None
    frame = site.frame(page)
    assert f'hx-target=".{found[1]}:not(.v{found[2]})" hx-swap="outerMorph"' in frame
    assert found[0] in frame.replace("\ndata: ", "\n")
    site.leave("ann")
    assert names_in(site.frame(page)) == ["&lt;bob&gt;"]
    assert site.frame(page) == site.frame(site.show(title="Notes, again"))


def test_another_worker_finds_the_block_that_it_has_never_rendered():
    site, other = Site(page=PAGE), Site(page=PAGE)
    other.come("ann")
    assert names_in(other.frame(site.show())) == ["ann"]
    changed = Site(page=PAGE.replace("li>", "b>"))
    changed.come("ann")
    assert changed.frame(site.show()) == "data: \n\n"  # its page is of another version: left alone
    assert Site().frame(site.show()) == "data: \n\n"


def test_a_block_has_its_files_macros_and_imports_wherever_its_template_is_used():
    site = Site(
        page="{% extends 'base.html' %}{% block body %}{% include 'who.html' %}{% endblock %}",
        base="<body>{% block body %}{% endblock %}{{ presence.script() }}</body>",
        parts="{% macro strong(text) %}<b>{{ text }}</b>{% endmacro %}",
        who="""{% from "parts.html" import strong as loud %}
{% macro item(meta) %}<li>{{ loud(meta.name) }}</li>{% endmacro %}
<ul>{% call(metas, count) presence.list("a", first=2, tag="ul") %}
{%- for meta in metas %}{{ item(meta) }}{% endfor %}, {{ count }}
<img src="{{ url_for("static", filename="a.svg") }}">
{% endcall %}</ul>""",
    )
    for name in ("ann", "bob", "cas"):
        site.come(name)
    page = site.show()
    for html in (page, site.frame(page)):
        assert names_in(html) == ["<b>ann</b>", "<b>bob</b>"]
        assert ", 3" in html
        assert 'src="/static/a.svg"' in html
        assert '<ul class="presence-' in html


def test_of_more_than_a_room_nothing_is_said():
    site = Site(page=PAGE.replace('list("a")', 'list("a", room=2)'), full=PAGE)
    for name in ("ann", "bob"):
        site.come(name)
    page = site.show()
    assert len(names_in(page)) == 2
    site.come("cas")
    assert names_in(site.frame(page)) == []
    for number in range(ROOM - 2):
        site.come(f"n{number}")
    assert names_in(site.show("full")) == []


def test_a_whole_list_is_fetched_at_once_and_only_when_it_has_changed():
    site = Site(page=PAGE.replace("meta.name", "meta.user.name ~ meta.name"))
    asked: list[list[str]] = []

    @site.presence.fetch
    def fetch(topic: str, presences: dict[str, Any]) -> dict[str, Any]:
        asked.append(sorted(presences))
        users = {key: {"name": key.upper()} for key in presences}
        return {key: {"user": users[key], **entry} for key, entry in presences.items()}

    site.come("1", key="ann")
    site.come("2", key="bob")
    site.come("3", key="ann")
    page = site.show()
    assert names_in(page) == ["ANN1", "BOB2", "ANN3"]
    site.frame(page)
    site.frame(page)
    assert asked == [["ann", "bob"]]
    site.leave("2")
    assert names_in(site.frame(page)) == ["ANN1", "BOB2", "ANN3"]  # it waits for nothing
    assert asked == [["ann", "bob"]]
    gevent.sleep(0)
    assert names_in(site.frame(page)) == ["ANN1", "ANN3"]
    assert asked == [["ann", "bob"], ["ann"]]
    gevent.sleep(0)
    assert not site.state._greenlets


def test_a_list_that_cannot_be_fetched_stays_as_it_is_until_somebody_comes(caplog):
    site = Site(page=PAGE)
    site.come("ann")
    page = site.show()
    site.presence.fetch(lambda topic, presences: presences["nobody"])
    site.come("bob")
    for _ in range(3):
        assert names_in(site.frame(page)) == ["ann"]
        gevent.sleep(0)
    assert caplog.text.count("found no list of 'a', as `fetch` failed") == 1
    site.presence.fetch(lambda topic, presences: presences)
    site.come("cas")
    site.frame(page)
    gevent.sleep(0)
    assert names_in(site.frame(page)) == ["ann", "bob", "cas"]


def test_a_worker_that_has_made_no_list_yet_leaves_it_as_the_page_has_it():
    site, other = Site(page=PAGE), Site(page=PAGE)
    other.presence.fetch(lambda topic, presences: presences)
    other.come("ann")
    page = site.show()
    assert other.frame(page) == "data: \n\n"
    gevent.sleep(0)
    assert names_in(other.frame(page)) == ["ann"]


def test_a_number_is_said_by_a_block_too():
    site = Site(
        page="""{% call(count) presence.counter("a") %}<i>{{ count }} hier</i>{% endcall %}
{{ presence.counter("a") }}
{% call(count) presence.total() %}{{ count }} in all{% endcall %}{{ presence.script() }}"""
    )
    site.come("ann")
    page = site.show()
    for html in (page, site.frame(page)):
        assert '<span class="n1"><i>1 hier</i></span>' in html
        assert '<span class="n1">1 reading now</span>' in html
        assert '<span class="n1">1 in all</span>' in html
    assert len(set(re.findall(r"presence-\w+", page))) == 3


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (PAGE.replace("meta.name", "title"), "found title in the block in line 2 of page.html"),
        (PAGE.replace("meta.name", "request.path"), "found request in the block in line 2"),
        (PAGE.replace('"a"', "3"), "found the topic 3, expected a str"),
        (PAGE.replace('"a"', '"a", tag="b onclick"'), "found the tag 'b onclick', expected one"),
        (
            "{% call presence.total() %}{% endcall %}{% call presence.total() %}{% endcall %}",
            "found 2 blocks in line 1 of page.html, expected one",
        ),
    ],
)
def test_what_cannot_be_a_block_is_one_line_that_says_where(template, said):
    with pytest.raises((RuntimeError, TypeError, ValueError), match=re.escape(said)) as raised:
        Site(page=template).show(title="Notes")
    assert "\n" not in str(raised.value)


def test_a_block_of_a_string_is_refused():
    site = Site()
    with (
        site.app.test_request_context("/"),
        pytest.raises(RuntimeError, match="found a block in the template of a string"),
    ):
        site.app.jinja_env.from_string(PAGE).render()
    with site.app.test_request_context("/"), pytest.raises(TemplateNotFound):
        render_template("page.html")


def test_python_has_phoenixs_calls_with_their_meaning():
    site = Site()
    refs = [site.come("1", key="ann", seat=1), site.come("2", key="ann"), site.come("3", key="bob")]
    site.come("4", topic="b", key="ann")
    with site.app.app_context():
        presence = site.presence
        ann = {"metas": [{"name": "1", "seat": 1, "ref": refs[0]}, {"name": "2", "ref": refs[1]}]}
        assert presence.list("a") == {"ann": ann, "bob": {"metas": [{"name": "3", "ref": refs[2]}]}}
        assert presence.list("a", "ann", "eve") == {"ann": ann}
        assert presence.get_by_key("a", "ann") == ann["metas"]
        assert presence.get_by_key("a", "eve") == []
        newer = presence.update("1", "a", "ann", lambda meta: {**meta, "seat": 2})
        assert presence.get_by_key("a", "ann")[1] == {"name": "1", "seat": 2, "ref": newer}
        assert presence.update("1", "a", "ann", {"seat": 3}) != newer
        assert [p.meta.get("seat") for p in site.state.roster.first("a")] == [3, None, None]
        with pytest.raises(NotTrackedError):
            presence.update("1", "b", "ann", {})
        presence.untrack("1", "a", "eve")
        presence.untrack("1", "a")
        presence.untrack("1", "a")
        assert (presence.count("a"), presence.count("b"), presence.count_all()) == (2, 1, 3)


@pytest.mark.parametrize("meta", [{"x": object()}, {"page": "b"}, {"x": "y" * 2000}, None])
def test_a_tracked_meta_of_no_use_is_refused(meta):
    site = Site()
    with site.app.app_context(), pytest.raises(ValueError, match="presence: found"):
        site.presence.track("o", "a", "ann", meta)


def test_a_page_that_may_change_its_meta_has_its_tab_told_which_one_it_is():
    site = Site(
        page='<input name="x" {{ presence.post() }}>{{ presence.total() }}{{ presence.script() }}'
    )
    page = site.show()
    assert (
        '<input name="x" hx-post="/live" hx-swap="none" hx-include=".presence-tab"'
        ' hx-sync="closest body:queue all">'
    ) in page
    assert '<input type="hidden" class="presence-tab" name="tab" value="">' in page
    name = unquote(re.findall(r"\?page=([^\"]+)", page)[0])

    class Tab:
        event_id = "w-1.token"

    greeting = site.state._greet(name, Tab()).decode()  # type: ignore[arg-type]
    assert 'hx-target=".presence-tab" hx-swap="outerHTML"' in greeting
    assert 'name="tab" value="w-1.token"' in greeting
