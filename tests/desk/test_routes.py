"""Who gets into the desk, how, and what every answer of it says to browsers and robots."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from blog.config import Settings
from blog.desk.desk import Desk
from blog.desk.streams import BUSY, PARK
from blog.desk.tries import Tries
from blog.factory import create_app
from blog.store.database import StoreUnavailable

PASSWORD = "correct horse battery"
# Cheap, for it is checked often; what `viblog desk password` makes takes a tenth of a second.
HASH = generate_password_hash(PASSWORD, "scrypt:1024:8:1")


def open_blog(folder: Path, **settings: str) -> Flask:
    paths = {f"{name}_dir": folder / name for name in ("posts", "pages", "instance")}
    return create_app(Settings(**paths, **settings))  # type: ignore[arg-type]


def desk_of(app: Flask) -> Desk:
    desk: Desk = app.extensions["desk"]
    return desk


@pytest.fixture(scope="module")
def module_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("blog")
    app = open_blog(folder, desk_password_hash=HASH)
    yield app
    app.extensions["viblog"].close()


@pytest.fixture
def app(module_app: Flask) -> Flask:
    desk = desk_of(module_app)
    desk.tries, desk.clock = Tries(), time.time
    desk.registry.close_desk()
    return module_app


@pytest.fixture
def desk(app: Flask) -> Desk:
    return desk_of(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def sign_in(client: FlaskClient, **options: str) -> TestResponse:
    return client.post(desk_of(client.application).make_link(), **options)


def is_in(client: FlaskClient) -> bool:
    status = client.get("/desk/readers").status_code
    assert status in (200, 303)
    return status == 200


def test_a_link_signs_in_once(client, desk, app):
    path = desk.make_link()
    assert re.fullmatch(r"/desk/link/[\w.-]{80,200}", path)
    for _ in range(3):  # a mail program, a messenger, and the author
        page = client.get(path)
        assert page.status_code == 200
        assert "Set-Cookie" not in page.headers
        assert f'<form class="sign-in" method="post" action="{path}">' in page.text
    assert not is_in(client)
    answer = client.post(path)
    assert (answer.status_code, answer.location) == (303, "/desk")
    assert is_in(client)
    other = app.test_client()
    assert [other.post(path).status_code, other.get(path).status_code] == [403, 403]
    assert "used or has ended" in other.get(path).text
    assert not is_in(other)


def test_the_cookie_is_for_the_desk_alone_and_for_thirty_days(client):
    (cookie,) = sign_in(client).headers.getlist("Set-Cookie")
    name, _, attributes = cookie.partition("; ")
    assert name.startswith("viblog_desk=")
    assert "HttpOnly; Path=/desk; SameSite=Strict" in attributes
    assert "Max-Age=2592000" in attributes
    assert "Domain" not in attributes


def test_over_https_it_is_for_https_alone(client):
    (cookie,) = sign_in(client, base_url="https://blog.example").headers.getlist("Set-Cookie")
    assert cookie.startswith("__Secure-viblog_desk=")
    assert "; Secure; HttpOnly; Path=/desk; SameSite=Strict" in cookie


def test_what_another_name_of_the_domain_sets_signs_nobody_out(client, app):
    """For a longer path, say: then a browser sends it first."""
    mine = sign_in(client).headers["Set-Cookie"].partition(";")[0]
    other = app.test_client(use_cookies=False)
    cookies = f"viblog_desk=x; viblog_desk={'x' * 40}.{'y' * 27}; {mine}"
    assert other.get("/desk/readers", headers={"Cookie": cookies}).status_code == 200


@pytest.mark.parametrize(
    ("scheme", "headers", "is_said"),
    [
        ("http", {}, True),
        ("https", {}, False),
        # On the local host, or behind a proxy that does not say that it was https.
        ("http", {"Sec-Fetch-Site": "none"}, False),
    ],
)
def test_over_http_a_blog_of_https_says_where_to_sign_in(tmp_path, scheme, headers, is_said):
    app = open_blog(tmp_path, site_url="https://blog.example/notes", desk_password_hash=HASH)
    client, link = app.test_client(), desk_of(app).make_link()
    for path in ("/desk/sign-in", link):
        page = client.get(f"{scheme}://blog.example/notes{path}", headers=headers).text
        assert ("This page came over http" in page) is is_said
        assert (f'href="https://blog.example/notes{path}"' in page) is is_said
        assert ('<form class="sign-in"' in page) is not is_said


def test_a_link_ends_after_ten_minutes_and_a_cookie_after_thirty_days(client, desk):
    path = desk.make_link()
    desk.clock = lambda: time.time() + 601
    assert client.post(path).status_code == 403
    sign_in(client)
    assert is_in(client)
    desk.clock = lambda: time.time() + 601 + 30 * 24 * 3600
    assert not is_in(client)


def test_closing_ends_every_cookie_and_link(app, client, desk):
    sign_in(client)
    path = desk.make_link()
    said = app.test_cli_runner().invoke(args=["desk", "close"])
    assert said.exit_code == 0
    assert not is_in(client)
    assert client.post(path).status_code == 403
    sign_in(client)
    assert is_in(client)


def test_signing_out_ends_the_cookie_where_it_is_kept_too(app, client):
    kept = sign_in(client).headers["Set-Cookie"].partition(";")[0].partition("=")[2]
    answer = client.post("/desk/sign-out")
    assert (answer.status_code, answer.location) == (303, "/desk/sign-in")
    thief = app.test_client()
    thief.set_cookie("viblog_desk", kept, path="/desk")
    assert not is_in(thief)
    assert not is_in(client)


def test_a_link_may_be_tried_five_times_a_minute_before_the_store_is_asked(client, desk):
    used = desk.make_link()
    said = [client.post(used).status_code for _ in range(5)]
    assert said == [303] + [403] * 4
    good = desk.make_link()
    answer = client.post(good)
    assert answer.status_code == 429
    assert "Wait for a minute." in answer.text
    other = {"REMOTE_ADDR": "192.0.2.9"}
    assert client.post(good, environ_base=other).status_code == 303  # it was not used up


@pytest.mark.parametrize("take", [0, 3, -1, -20])
def test_a_forged_one_opens_nothing(client, desk, take):
    path = desk.make_link()
    token = path.removeprefix("/desk/link/")
    forged = token[:take] + ("A" if token[take] != "A" else "Q") + token[take:][1:]
    assert client.post(f"/desk/link/{forged}").status_code == 403
    client.set_cookie("viblog_desk", token, path="/desk")  # a link is no cookie
    assert not is_in(client)
    assert client.post(path).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_only_our_own_pages_post(client, desk, headers, status):
    assert client.post(desk.make_link(), headers=headers).status_code == status


def test_a_form_is_small(client):
    answer = client.post("/desk/sign-in", data={"password": "x" * 16 * 1024})
    assert answer.status_code == 413


@pytest.mark.parametrize(("characters", "status"), [(16_000, 403), (20_000, 413)])
def test_a_form_of_no_said_length_is_small(client, characters, status):
    answer = client.post(
        "/desk/sign-in",
        input_stream=io.BytesIO(b"password=" + b"x" * characters),
        content_type="application/x-www-form-urlencoded",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == status


class TestPassword:
    def test_signs_in(self, client):
        assert 'type="password"' in client.get("/desk/sign-in").text
        answer = client.post("/desk/sign-in", data={"password": PASSWORD})
        assert (answer.status_code, answer.location) == (303, "/desk")
        assert is_in(client)

    def test_may_be_tried_five_times_a_minute(self, client):
        said = [client.post("/desk/sign-in", data={"password": "no"}) for _ in range(6)]
        assert [answer.status_code for answer in said] == [403] * 5 + [429]
        assert "That is not the password." in said[0].text
        assert "Wait for a minute." in said[5].text
        right = client.post("/desk/sign-in", data={"password": PASSWORD})
        assert right.status_code == 429
        other = {"REMOTE_ADDR": "192.0.2.9"}
        right = client.post("/desk/sign-in", data={"password": PASSWORD}, environ_base=other)
        assert right.status_code == 303

    def test_is_none_without_a_hash(self, tmp_path):
        client = open_blog(tmp_path).test_client()
        assert "password" not in client.get("/desk/sign-in").text
        assert client.post("/desk/sign-in", data={"password": ""}).status_code == 404


@pytest.mark.parametrize(
    "path", ["/desk", "/desk/readers", "/desk/sign-in", "/desk/link/x", "/desk/nowhere"]
)
@pytest.mark.parametrize("who", ["author", "stranger"])
def test_nobody_keeps_finds_or_frames_an_answer(client, path, who):
    if who == "author":
        sign_in(client)
    headers = client.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "ETag" not in headers
    policy = headers["Content-Security-Policy"]
    assert "img-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_no_list_of_the_blog_names_it(tmp_path):
    client = open_blog(tmp_path, site_url="https://blog.example").test_client()
    for path in ("/", "/sitemap.xml", "/feed.atom", "/feed.json", "/search?q=desk", "/robots.txt"):
        assert "/desk" not in client.get(path).text


def test_the_sites_that_pages_may_tell_are_not_told_of_it(tmp_path):
    app = open_blog(tmp_path, script_hosts=("https://stats.example",))  # type: ignore[arg-type]
    client = app.test_client()
    assert "stats" in client.get("/").headers["Content-Security-Policy"]
    assert "stats" not in client.get("/desk/sign-in").headers["Content-Security-Policy"]


def test_who_comes_by_a_link_of_another_site_is_asked_once_more_for_the_cookie(client):
    """A browser keeps a strict cookie back then: the mail of each week has such a link."""
    answer = client.get("/desk/readers", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0">' in answer.text
    answer = client.get("/desk/readers", headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.location) == (303, "/desk/sign-in")


def test_a_server_of_threads_holds_none_of_them_for_an_open_page(client):
    """As that of these tests is."""
    sign_in(client)
    assert client.get("/desk/live").data == BUSY


def test_a_public_dashboard_is_for_all_and_the_rest_is_not(tmp_path):
    client = open_blog(tmp_path, dashboard="public").test_client()
    page = client.get("/desk/readers")
    assert page.status_code == 200
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    for mine in ("own-visits", "Sign out", "/desk/live"):
        assert mine not in page.text
    assert client.get("/desk").location == "/desk/sign-in"
    assert client.post("/desk/own-visits", data={"count": "no"}).status_code == 303
    assert "Set-Cookie" not in client.post("/desk/own-visits", data={"count": "no"}).headers
    assert client.get("/desk/live").data.endswith(PARK)


def test_without_a_key_there_is_no_desk_and_the_blog_goes_on(tmp_path, caplog):
    (tmp_path / "instance").write_text("no folder")
    client = open_blog(tmp_path).test_client()
    assert client.get("/desk/live").headers["X-Robots-Tag"] == "noindex, nofollow"
    for path in ("/desk/sign-in", "/desk/link/x"):
        assert client.get(path).status_code == 404
    client.set_cookie("viblog_desk", "x.y", path="/desk")
    assert client.get("/desk/readers").status_code == 404
    assert client.get("/desk/live").data.endswith(PARK)
    assert client.get("/").status_code == 200
    (line,) = [record.getMessage() for record in caplog.records if "desk" in record.getMessage()]
    assert line.startswith(f"the desk is closed: {tmp_path}/instance/desk.key: Not a directory; ")


def test_while_the_store_is_away_nobody_gets_in_and_a_stream_tries_again(client, desk, monkeypatch):
    sign_in(client)

    def fail(*asked: object) -> bool:
        raise StoreUnavailable("store.db: the disk is gone")

    monkeypatch.setattr(desk.registry, "allows", fail)
    answer = client.get("/desk/readers")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert client.get("/desk/live").data == BUSY
    assert client.get("/").status_code == 200


def test_a_name_that_is_not_trusted_opens_nothing(tmp_path):
    app = open_blog(tmp_path, trusted_hosts=("blog.example",))  # type: ignore[arg-type]
    client, path = app.test_client(), desk_of(app).make_link()
    assert client.post(path, base_url="http://evil.example").status_code == 400
    assert client.post(path, base_url="http://blog.example").status_code == 303


def test_all_is_below_the_path_of_the_blog(tmp_path):
    app = open_blog(tmp_path, site_url="https://blog.example/notes")
    said = app.test_cli_runner().invoke(args=["desk", "link"]).stdout.strip()
    assert said.startswith("https://blog.example/notes/desk/link/")
    client = app.test_client()
    page = client.get(said, base_url="https://blog.example")
    assert f'action="{said.removeprefix("https://blog.example")}"' in page.text
    answer = client.post(said)
    assert answer.location == "/notes/desk"
    assert "; Path=/notes/desk; SameSite=Strict" in answer.headers["Set-Cookie"]
    page = client.get("https://blog.example/notes/desk/readers")
    assert 'data-hx-sse:connect="/notes/desk/live"' in page.text
    assert 'action="/notes/desk/sign-out"' in page.text
    client.post("https://blog.example/notes/desk/own-visits", data={"count": "no"})
    assert client.get_cookie("__Secure-viblog_own", "blog.example", "/notes") is not None
