"""The Flask extension, in an application that knows nothing of a blog, under real servers."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from flask import Flask, render_template_string, session

from flask_presence import Presence
from flask_presence.tracking import Diff
from flask_presence.web.elements import Element
from flask_presence.web.readers import TOPIC
from tests.streams.tab import Tab
from tests.web.example import fetch, serve


def page_of(text: str) -> str:
    """Return the name of a page's stream, as its address has it."""
    found = re.search(r'hx-sse:connect="/live\?page=([^"]+)"', text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("server", ["flask run", "gunicorn that blocks"])
def test_a_server_of_threads_counts_nobody_and_says_so(server, tmp_path):
    with serve(server, tmp_path) as port:
        for _ in range(2):
            page = fetch(port, "/a")
            assert "nobody is counted: this server gives each request a thread" in page
            assert "hx-sse" not in page
            assert "<span" not in page
        assert (tmp_path / "log").read_text().count("start it with `gunicorn -k gevent`") == 1


def test_without_redis_a_process_counts_for_itself_and_says_so(tmp_path):
    with serve("pywsgi", tmp_path) as port:
        with Tab(port, page_of(fetch(port, "/a"))) as tab:
            tab.read_until(">1 reading now<")
            assert ">1 reading now<" in fetch(port, "/a")
        assert "PRESENCE_REDIS_URL is not set" in (tmp_path / "log").read_text()


def make_app(**config: object) -> tuple[Flask, Presence]:
    app = Flask("notes")
    app.config.update({"SECRET_KEY": "k" * 32, "TESTING": True, **config})
    return app, Presence(app)


def render(app: Flask, template: str) -> str:
    with app.test_request_context("/"):
        return render_template_string(template)


def test_a_page_names_what_it_shows_and_nobody_can_make_a_name_up():
    app, _ = make_app()
    text = render(app, "{{ presence.counter('a & b') }}{{ presence.script() }}")
    assert ">1 reading now</span>" in text  # whoever gets it
    name = unquote(page_of(text))
    state = app.extensions["presence"]
    assert state.read(name) == ("a & b", (Element("counter", "a & b"),), False)
    for forged in ("", "index", name[:-1], name + "x", "x" + name):
        assert state.read(forged) is None
    assert state.service.is_page(name)
    other, _ = make_app(SECRET_KEY="other" * 8)
    assert other.extensions["presence"].read(name) is None


def test_a_page_that_only_watches_is_of_no_topic():
    app, _ = make_app()
    text = render(
        app, "{{ presence.counter('a', watch=True) }}{{ presence.total() }}{{ presence.script() }}"
    )
    state = app.extensions["presence"]
    shown = state.read(unquote(page_of(text)))
    assert shown == ("", (Element("counter", "a"), Element("total")), False)
    assert render(app, "{{ presence.script() }}") == ""


def test_a_number_says_zero_only_of_what_its_page_does_not_count_on():
    app, _ = make_app()
    text = render(
        app,
        "{{ presence.counter('w', watch=True) }} {{ presence.counter('a') }}"
        " {{ presence.counter('b') }} {{ presence.counter('a') }} {{ presence.total() }}",
    )
    assert re.findall(r">(\d \w+)", text) == [
        "0 reading",
        "1 reading",
        "0 reading",
        "1 reading",
        "1 online",
    ]


def test_htmx_comes_from_the_application_with_its_integrity():
    app, _ = make_app()
    text = render(app, "{{ presence.total() }}{{ presence.script() }}")
    links = re.findall(r'<script src="([^"]+)" integrity="(sha384-[^"]+)"></script>', text)
    assert len(links) == 2
    for link, _ in links:
        with app.test_client().get(link) as answer:
            assert (answer.status_code, len(answer.data) > 1000) == (200, True)
    assert app.test_client().get("/live/htmx/package.json").status_code == 404
    without, _ = make_app(PRESENCE_HTMX="0")
    assert "<script" not in render(without, "{{ presence.total() }}{{ presence.script() }}")


def test_below_an_application_root_addresses_begin_with_it():
    app, _ = make_app(APPLICATION_ROOT="/notes")
    text = render(app, "{{ presence.total() }}{{ presence.script() }}")
    assert 'hx-sse:connect="/notes/live?page=' in text
    assert text.count('<script src="/notes/live/htmx/') == 2


def test_of_several_applications_in_a_worker_each_has_a_slot_of_its_own(monkeypatch):
    monkeypatch.setenv("PRESENCE_WORKER_NAME", "abcdef")
    names = [make_app()[0].extensions["presence"].service.tracker.worker for _ in range(3)]
    assert names[0] == "abcdef"
    assert len(set(names)) == 3


def test_words_are_the_applications_and_escaped():
    app = Flask("notes")
    app.secret_key = "k" * 32
    app.testing = True
    Presence(app, counter_words=lambda count: f"<{count}>")
    assert ">&lt;1&gt;</span>" in render(app, "{{ presence.counter('a') }}")


def test_a_user_is_one_key_wherever_and_redis_cannot_tell_whose():
    app, presence = make_app()

    @presence.key
    def user() -> str | None:
        return session.get("user")

    state = app.extensions["presence"]
    client = app.test_client()
    with client.session_transaction() as opened:
        opened["user"] = "ada@example.org"
    cookie = client.get_cookie("session")
    assert cookie is not None
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/live",
        "SCRIPT_NAME": "",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
    }
    logged_in = environ | {"HTTP_COOKIE": f"session={cookie.value}"}
    keys = {state.service.identify(logged_in).key for _ in range(2)}
    assert len(keys) == 1
    assert "ada" not in keys.pop()
    assert len({state.service.identify(environ).key for _ in range(2)}) == 2
    cookie = state.service.identify(environ).set_cookie
    assert re.fullmatch(
        r"presence_reader=[\w-]{22}; HttpOnly; Path=/live; SameSite=Lax", cookie or ""
    )


def test_a_topic_that_somebody_may_not_watch_has_no_stream_for_them():
    app, presence = make_app()
    presence.may_watch(lambda topic: topic == session.get("topic", "open"))
    names = {
        topic: page_of(
            render(app, f"{{{{ presence.counter('{topic}') }}}}{{{{ presence.script() }}}}")
        )
        for topic in ("open", "secret")
    }
    client = app.test_client()
    assert client.get(f"/live?page={names['open']}").status_code == 200
    refused = client.get(f"/live?page={names['secret']}")
    assert (refused.status_code, refused.text) == (403, "This topic is not for you.\n")
    with client.session_transaction() as opened:
        opened["topic"] = "secret"
    assert client.get(f"/live?page={names['secret']}").status_code == 200


def test_a_listener_is_told_of_its_topic_only():
    app, presence = make_app()
    told: list[Diff] = []
    with app.app_context():
        presence.on_diff("a")(told.append)
        tracker = app.extensions["presence"].service.tracker
        owners = [object(), object()]
        for owner, topic in zip(owners, ("a", "b"), strict=True):
            tracker.track(owner, TOPIC, "ada", {"page": topic})
        assert (presence.count("a"), presence.count("b"), presence.count_all()) == (1, 1, 2)
        tracker.untrack(owners[0])
    assert [(len(diff.joins), len(diff.leaves)) for diff in told] == [(1, 0), (0, 1)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Presence(Flask("x")), "it signs the topics; set it, or FLASK_SECRET_KEY"),
        (lambda: Presence().init_app(make_app()[0]), "found it on this app already"),
        (lambda: make_app(PRESENCE_MAX_STREAMS="many"), "PRESENCE_MAX_STREAMS: found 'many'"),
        (
            lambda: make_app(PRESENCE_COUNT="people"),
            "PRESENCE_COUNT: found 'people', expected tabs",
        ),
        (lambda: make_app(PRESENCE_URL_PREFIX="notes/"), "PRESENCE_URL_PREFIX: found 'notes/'"),
        (
            lambda: render(make_app()[0], "{{ presence.counter(3) }}"),
            "found the topic 3, expected a str",
        ),
        (lambda: render(make_app()[0], "{{ presence.counter('') }}"), "found the topic ''"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_says_what_to_do(make, said):
    with pytest.raises((RuntimeError, ValueError, TypeError), match=re.escape(said)) as raised:
        make()
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_route_of_the_application_where_its_streams_are_is_said(caplog):
    for config, count in (({}, 1), ({"PRESENCE_URL_PREFIX": "/notes"}, 0)):
        app, _ = make_app(**config)
        app.add_url_rule("/live/", "mine", lambda: "mine")
        app.test_client().get("/")
        said = [one for one in caplog.messages if "found a route of the application" in one]
        assert len(said) == count
        caplog.clear()


@pytest.mark.parametrize("hook", ["key", "may_watch", "meta"])
def test_where_nothing_may_wait_the_application_is_not_asked(hook):
    """Our worker looks at a request in the event loop first, and the server answers it then."""
    app, presence = make_app()
    text = render(app, "{{ presence.counter('a') }}{{ presence.script() }}")
    environ = {
        "PATH_INFO": "/live",
        "QUERY_STRING": f"page={page_of(text)}",
        "REQUEST_METHOD": "GET",
    }
    getattr(presence, hook)(lambda *_: pytest.fail("it was asked"))
    statuses: list[str] = []
    assert app.wsgi_app(environ, lambda status, headers: statuses.append(status)) == []  # type: ignore[arg-type]
    assert statuses == ["503 Service Unavailable"]
